import { defined } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { SYMLINKS_MAX } from "../lib/resolve-path.ts";
import { Fault } from "../tar/fault.ts";
import { components } from "../tar/path.ts";
import type { DirectoryNode, TreeNode } from "./tree.ts";

/** All names that symlinks put into one path: far more than links that somebody made for use, too few to make a layer slow. */
const LINKED_NAMES_MAX = 1024;
/** As deep as a path of PATH_MAX bytes can reach: what lies deeper has no name, and would be deep recursion for whoever walks the tree. */
const DEPTH_MAX = 2048;

/** The directory at `path`, through symlinks, which stay inside the root. Undefined when there is none, or no way to it ends. */
export function findDirectory(root: DirectoryNode, path: ByteString): DirectoryNode | undefined {
  return new Walk(root, path).run(() => undefined);
}

/** Like `findDirectory`, but stops at a symlink that stands where `replaced` has a path: it will not be there much longer. */
export function findLowerDirectory(
  root: DirectoryNode,
  path: ByteString,
  replaced: ReadonlySet<string>,
): DirectoryNode | undefined {
  return new Walk(root, path, replaced).run(() => undefined);
}

/** The directory at `path`, through symlinks. What is missing on the way, or is something else, becomes a directory of root's. */
export function makeDirectory(root: DirectoryNode, path: ByteString): DirectoryNode {
  const walk = new Walk(root, path);
  const made = walk.run((parent, name) => {
    const directory = emptyDirectory();
    parent.children.set(name, directory);
    return directory;
  });
  if (made === undefined) throw defined(walk.fault, "a way that does not end");
  return made;
}

/** What a layer that names only what is in a directory leaves open: 0755, owned by root, no time. */
export function emptyDirectory(): DirectoryNode {
  const mtime = { seconds: 0, nanoseconds: 0 };
  return { kind: "directory", mode: 0o755, uid: 0, gid: 0, mtime, xattrs: [], children: new Map() };
}

/** What stands at a name that is no directory, or nothing: the directory to go on with, or undefined to stop. */
type Missing = (parent: DirectoryNode, name: ByteString) => DirectoryNode | undefined;

/**
 * A walk of its own beside resolvePath(): it makes what is missing, stops at names that are about to be replaced, and has limits against
 * layers that are made to be slow.
 */
class Walk {
  /** Why the walk was given up, if it was. */
  fault: Fault | undefined;
  readonly #path: ByteString;
  /** Names still to walk, the next one last. The targets of symlinks are put on top of what is left of the path. */
  readonly #todo: ByteString[];
  /** From the root to where the walk stands, and the names on that way. */
  readonly #way: DirectoryNode[];
  readonly #names: ByteString[] = [];
  readonly #replaced: ReadonlySet<string> | undefined;
  #symlinks = 0;
  #linkedNames = 0;
  /** How many names of the path itself are left. */
  #pathLeft: number;

  constructor(root: DirectoryNode, path: ByteString, replaced?: ReadonlySet<string>) {
    this.#path = path;
    this.#todo = path === "" ? [] : components(path).toReversed();
    this.#way = [root];
    this.#replaced = replaced;
    this.#pathLeft = this.#todo.length;
  }

  run(missing: Missing): DirectoryNode | undefined {
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

  /** ".." at the root stays there. */
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

  /** A layer may name the place of the symlink as it is, or as the path before us has it. */
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
