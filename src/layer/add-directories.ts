import { byteStringOf, type ByteString } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import { type LookedUp, resolvePath } from "../lib/resolve-path.ts";
import type { DirectoryNode, TreeNode } from "./tree.ts";

/** A directory that a tree must have. */
export interface WantedDirectory {
  /** The absolute path. Its symlinks are followed inside the tree. */
  readonly path: string;
  /** Its mode, if it has to be made. */
  readonly mode: number;
}

/** The mode of a directory above a wanted one. */
const PARENT_MODE = 0o755;

/**
 * Adds each directory that the tree does not have, with those above it; they belong to root. A directory that exists
 * stays as it is. Throws "content" where a file is in the way.
 */
export function addDirectories(
  root: DirectoryNode,
  wanted: readonly WantedDirectory[],
  timeSeconds: number,
): void {
  for (const { path, mode } of wanted) {
    const made = new Set<DirectoryNode>();
    const steps = resolvePath<ByteString, DirectoryNode>(byteStringOf(path), (name, before) => {
      const { children } = before.at(-1) ?? root;
      const child = children.get(name);
      if (child !== undefined) return existing(child, path);
      const step = directory(timeSeconds);
      children.set(name, step);
      made.add(step);
      return { step };
    });
    if (!Array.isArray(steps)) throw refused(path, "it has too many symbolic links");
    const last = steps.at(-1);
    if (last !== undefined && made.has(last)) last.mode = mode;
  }
}

function existing(child: TreeNode, path: string): LookedUp<ByteString, DirectoryNode> {
  if (child.kind === "symlink") return { target: child.target };
  if (child.kind === "directory") return { step: child };
  throw refused(path, `a ${child.kind} is in the way`);
}

function directory(seconds: number): DirectoryNode {
  const mtime = { seconds, nanoseconds: 0 };
  const owner = { uid: 0, gid: 0 };
  return {
    kind: "directory",
    mode: PARENT_MODE,
    ...owner,
    mtime,
    xattrs: [],
    children: new Map(),
  };
}

function refused(path: string, why: string): TandemError {
  return new TandemError("content", `Cannot add the directory "${path}" to this image: ${why}`);
}
