import { assert } from "../../lib/assert.ts";
import { byteStringOf, type ByteString } from "../../lib/byte-string.ts";
import { resolvePath } from "../../lib/resolve-path.ts";
import type { DirectoryNode, FileNode, TreeNode } from "../../layer/tree.ts";

export interface Found<Node extends TreeNode = TreeNode> {
  /** Absolute and without symlinks: every loader can follow it. */
  readonly path: string;
  readonly node: Node;
}

interface TreeStep {
  readonly name: ByteString;
  readonly node: TreeNode;
}

/** The node that `path` leads to. Every symlink is followed inside the tree. Undefined when the path leads to nothing. */
export function find(root: DirectoryNode, path: string): Found | undefined {
  const steps = resolvePath<ByteString, TreeStep>(byteStringOf(path), (name, before) => {
    const node = childOf(before.at(-1)?.node ?? root, name);
    if (node === undefined) return undefined;
    return node.kind === "symlink" ? { target: node.target } : { step: { name, node } };
  });
  if (!Array.isArray(steps)) return undefined;
  return { path: pathOf(steps), node: steps.at(-1)?.node ?? root };
}

/** The regular file that `path` leads to. Undefined when it leads to something else. */
export function findFile(root: DirectoryNode, path: string): Found<FileNode> | undefined {
  const found = find(root, path);
  return found?.node.kind === "file" ? { path: found.path, node: found.node } : undefined;
}

/** The names in the directory that `path` leads to, as bytes; none when there is no such directory. */
export function namesIn(root: DirectoryNode, path: string): readonly ByteString[] {
  const found = find(root, path);
  return found?.node.kind === "directory" ? [...found.node.children.keys()] : [];
}

/** The text of a small file. `read` gives all of its bytes. Undefined when there is no such file, or it is larger than `bytesMax`. */
export function readTreeText(
  { root, read }: { root: DirectoryNode; read: (node: FileNode) => Uint8Array },
  path: string,
  bytesMax: number,
): string | undefined {
  const found = findFile(root, path);
  if (found === undefined || found.node.sizeBytes > bytesMax) return undefined;
  const bytes = read(found.node);
  assert(bytes.byteLength === found.node.sizeBytes, `${path} was read whole`);
  return new TextDecoder().decode(bytes);
}

function childOf(parent: TreeNode, name: ByteString): TreeNode | undefined {
  return parent.kind === "directory" ? parent.children.get(name) : undefined;
}

function pathOf(steps: readonly TreeStep[]): string {
  return `/${steps.map((step) => step.name).join("/")}`;
}
