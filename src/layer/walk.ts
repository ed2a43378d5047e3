import { defined } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { SYMLINKS_MAX } from "../lib/resolve-path.ts";
import { Fault } from "../tar/fault.ts";
import { components } from "../tar/path.ts";
import type { DirectoryNode, TreeNode } from "./tree.ts";

/** The most names that symlinks may add to one path: far more than real images need, too few to make a layer slow. */
const LINKED_NAMES_MAX = 1024;
/**
 * The depth that a path of PATH_MAX bytes can reach. A deeper tree could not be addressed, and would cause deep
 * recursion.
 */
const DEPTH_MAX = 2048;

/**
 * Finds the directory at `path` and follows symlinks inside the root. Undefined when there is none, and for endless
 * symlinks.
 */
export function findDirectory(root: DirectoryNode, path: ByteString): DirectoryNode | undefined {
  return new Walk(root, path).run(() => undefined);
}

/**
 * Like `findDirectory`, but returns undefined at a symlink whose path is in `replaced`, because the layer replaces it.
 */
export function findLowerDirectory(
  root: DirectoryNode,
  path: ByteString,
  replaced: ReadonlySet<string>,
): DirectoryNode | undefined {
  return new Walk(root, path, replaced).run(() => undefined);
}

/**
 * Finds the directory at `path` and follows symlinks. Makes missing directories, and replaces other files in the path
 * by directories, all owned by root. Throws a Fault for endless symlinks and too deep a path.
 */
export function makeDirectory(root: DirectoryNode, path: ByteString): DirectoryNode {
  const walk = new Walk(root, path);
  const made = walk.run((parent, name) => {
    const directory = emptyDirectory();
    parent.children.set(name, directory);
    return directory;
  });
  if (made === undefined) throw defined(walk.fault, "fault of the walk");
  return made;
}

/** Makes a directory for which no layer has an entry: mode 0755, owned by root, time 0. */
export function emptyDirectory(): DirectoryNode {
  const mtime = { seconds: 0, nanoseconds: 0 };
  return { kind: "directory", mode: 0o755, uid: 0, gid: 0, mtime, xattrs: [], children: new Map() };
}

/** Called at a name that is missing or no directory. Returns the directory to continue with, or undefined to stop. */
type OnMissing = (parent: DirectoryNode, name: ByteString) => DirectoryNode | undefined;

/**
 * Walks along a path. It is separate from resolvePath(), because it makes missing directories, stops at names that the
 * layer replaces, and has limits against layers that are meant to be slow.
 */
class Walk {
  /** The reason why the walk was stopped. */
  fault: Fault | undefined;
  readonly #path: ByteString;
  /** A stack of the names that are still to be walked. The names of a symlink's target are pushed onto it. */
  readonly #todo: ByteString[];
  /** The directories from the root to the current one, and their names. */
  readonly #way: DirectoryNode[];
  readonly #names: ByteString[] = [];
  readonly #replaced: ReadonlySet<string> | undefined;
  #symlinks = 0;
  #linkedNames = 0;
  /** The number of names of the path itself that are still to be walked. */
  #pathLeft: number;

  constructor(root: DirectoryNode, path: ByteString, replaced?: ReadonlySet<string>) {
    this.#path = path;
    this.#todo = path === "" ? [] : components(path).toReversed();
    this.#way = [root];
    this.#replaced = replaced;
    this.#pathLeft = this.#todo.length;
  }

  run(missing: OnMissing): DirectoryNode | undefined {
    while (this.fault === undefined) {
      const name = this.#todo.pop();
      const here = this.#way.at(-1);
      if (name === undefined || here === undefined) return here;
      this.#pathLeft = Math.min(this.#pathLeft, this.#todo.length);
      if (name === "" || name === ".") continue;
      if (name === "..") {
        this.#leave();
        continue;
      }
      const child = here.children.get(name);
      if (child?.kind === "symlink") {
        if (this.#isReplaced(name)) return undefined;
        this.#follow(child.target);
        continue;
      }
      const next = directoryOf(child) ?? missing(here, name);
      if (next === undefined) return undefined;
      this.#enter(next, name);
    }
    return undefined;
  }

  #enter(directory: DirectoryNode, name: ByteString): void {
    if (this.#way.length > DEPTH_MAX)
      this.fault = new Fault(`its path is deeper than ${DEPTH_MAX}`);
    this.#way.push(directory);
    this.#names.push(name);
  }

  /** Goes to the parent. The parent of the root is the root. */
  #leave(): void {
    if (this.#way.length === 1) return;
    this.#way.pop();
    this.#names.pop();
  }

  #follow(target: ByteString): void {
    this.#symlinks += 1;
    if (this.#symlinks > SYMLINKS_MAX)
      this.fault = new Fault(`its path goes through more than ${SYMLINKS_MAX} symlinks`);
    if (target.startsWith("/")) {
      this.#way.length = 1;
      this.#names.length = 0;
    }
    const names = components(target).toReversed();
    this.#linkedNames += names.length;
    if (this.#linkedNames > LINKED_NAMES_MAX)
      this.fault = new Fault(`symlinks put more than ${LINKED_NAMES_MAX} names into its path`);
    else this.#todo.push(...names);
  }

  /** A layer may name the symlink by its real path, or by the path of this walk, which may contain other symlinks. */
  #isReplaced(name: ByteString): boolean {
    if (this.#replaced === undefined) return false;
    const walked = components(this.#path);
    walked.length -= this.#pathLeft;
    return (
      this.#replaced.has([...this.#names, name].join("/")) || this.#replaced.has(walked.join("/"))
    );
  }
}

function directoryOf(node: TreeNode | undefined): DirectoryNode | undefined {
  return node?.kind === "directory" ? node : undefined;
}
