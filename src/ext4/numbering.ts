import { assert, defined } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { GarbageCounter } from "../lib/garbage.ts";
import { byteStringOf, display } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import type { DirectoryNode, TreeNode } from "../layer/tree.ts";
import type { DirectoryContent } from "./directory.ts";
import { NAME_BYTES_MAX } from "./directory.ts";
import { FIRST_INODE, ROOT_INODE } from "./superblock.ts";

/** e2fsck expects lost+found to have this inode number. */
export const LOST_AND_FOUND_INODE = FIRST_INODE;
const LOST_AND_FOUND = byteStringOf("lost+found");
/** EXT4_LINK_MAX. */
const LINKS_MAX = 65_000;
/** The link count of a directory with more links than LINKS_MAX (feature dir_nlink). */
const MANY_LINKS = 1;

/**
 * Numbers the nodes breadth first, the names of a directory in order, so that equal trees get equal numbers. Adds
 * lost+found if the image has none. Throws "no-space" for more than `inodesMax` nodes or too many links, and "content"
 * for names that ext4 cannot store.
 */
export function numberTree(
  root: DirectoryNode,
  { inodesMax, timeSeconds }: { readonly inodesMax: number; readonly timeSeconds: number },
): NumberedTree {
  const lostAndFound = root.children.get(LOST_AND_FOUND) ?? emptyDirectory(timeSeconds);
  if (lostAndFound.kind !== "directory")
    throw new TandemError(
      "content",
      `Cannot write "/lost+found" as a ${lostAndFound.kind}: ext4 needs a directory of this name`,
    );
  const tree = new NumberedTree(root, lostAndFound);
  if (tree.lastInode > inodesMax)
    throw new TandemError(
      "no-space",
      `Cannot write the file system: it has room for ${inodesMax} inodes, the image needs ${tree.lastInode}`,
      { hint: "Use a larger slot: it has one inode for each 16 KiB." },
    );
  return tree;
}

function emptyDirectory(seconds: number): DirectoryNode {
  const mtime = { seconds, nanoseconds: 0 };
  return { kind: "directory", mode: 0o700, uid: 0, gid: 0, mtime, xattrs: [], children: new Map() };
}

/** A directory with its numbers and names. */
interface Listed {
  readonly node: DirectoryNode;
  readonly inode: number;
  /** The inode number of the parent. The root is its own parent. */
  readonly parent: number;
  /** Sorted. */
  names: readonly ByteString[];
}

const NO_NAMES: readonly ByteString[] = [];

/**
 * A tree whose nodes have inode numbers. An image may have millions of nodes, most of them files with one name. They
 * have no object of their own here, only an index in a few lists.
 */
export class NumberedTree {
  /** In ascending order of inode numbers: the root, lost+found, all others. */
  readonly #nodes: TreeNode[] = [];
  /** The link count of each node: its names, and for a directory also its "." and the ".." of its children. */
  readonly #links: number[] = [];
  /** In ascending order of inode numbers. The constructor iterates over it while it grows. */
  readonly #directories = new Map<TreeNode, Listed>();
  readonly #lostAndFound: DirectoryNode;

  constructor(root: DirectoryNode, lostAndFound: DirectoryNode) {
    this.#lostAndFound = lostAndFound;
    this.#add(root, ROOT_INODE);
    this.#add(lostAndFound, ROOT_INODE);
    const garbage = new GarbageCounter();
    for (const directory of this.#directories.values()) {
      this.#list(directory);
      garbage.add(directory.names.length);
    }
    this.#checkLinks();
  }

  get lastInode(): number {
    return inodeAt(this.#nodes.length - 1);
  }

  /** All inode numbers of nodes, in ascending order. */
  *inodes(): Generator<number> {
    for (let index = 0; index < this.#nodes.length; index += 1) yield inodeAt(index);
  }

  /** The inode numbers of the directories, in ascending order. */
  *directoryInodes(): Generator<number> {
    for (const { inode } of this.#directories.values()) yield inode;
  }

  node(inode: number): TreeNode {
    return defined(this.#nodes[indexOf(inode)], "a node of the number");
  }

  /** Returns the link count for the inode. */
  links(inode: number): number {
    const links = defined(this.#links[indexOf(inode)], "links of the number");
    return links > LINKS_MAX ? MANY_LINKS : links;
  }

  /** Returns the content of a directory. */
  contentOf(node: DirectoryNode): DirectoryContent {
    const { inode, parent, names } = this.#listed(node);
    const entries = names.map((name) => {
      const child = this.#child(node, name);
      return { name, inode: this.#inodeOf(child), kind: child.kind };
    });
    return { inode, parent, entries };
  }

  /**
   * Returns a path for messages: "/usr/bin/env", the first one if there are several. Slow for files: it searches all
   * directories.
   */
  pathOf(node: TreeNode): string {
    if (node === this.#nodes[0]) return "/";
    const places =
      node.kind === "directory"
        ? [this.#listed(this.node(this.#listed(node).parent))]
        : this.#directories.values();
    for (const directory of places) {
      const name = directory.names.find((each) => this.#child(directory.node, each) === node);
      if (name !== undefined) return join(this.pathOf(directory.node), name);
    }
    throw new Error("a node has a name");
  }

  #add(node: TreeNode, parent: number): number {
    const inode = inodeAt(this.#nodes.length);
    const isDirectory = node.kind === "directory";
    this.#nodes.push(node);
    this.#links.push(isDirectory ? 2 : 0);
    node.inode = inode;
    if (isDirectory) this.#directories.set(node, { node, inode, parent, names: NO_NAMES });
    return inode;
  }

  #list(directory: Listed): void {
    const { node, inode } = directory;
    const names = [...node.children.keys()];
    if (inode === ROOT_INODE && !node.children.has(LOST_AND_FOUND)) names.push(LOST_AND_FOUND);
    directory.names = names.toSorted();
    for (const name of directory.names) {
      this.#checkName(directory, name);
      const child = this.#child(node, name);
      const number = this.#find(child) ?? this.#add(child, inode);
      const isDirectory = child.kind === "directory";
      assert(!isDirectory || this.#listed(child).parent === inode, "a directory has one name");
      const counted = indexOf(isDirectory ? inode : number);
      this.#links[counted] = defined(this.#links[counted], "links so far") + 1;
    }
  }

  /** Returns a child by its name. Only lost+found may be missing in the tree. */
  #child({ children }: DirectoryNode, name: ByteString): TreeNode {
    return children.get(name) ?? this.#lostAndFound;
  }

  #listed(node: TreeNode): Listed {
    return defined(this.#directories.get(node), "a directory of the tree");
  }

  #inodeOf(node: TreeNode): number {
    return defined(this.#find(node), "a number in this tree");
  }

  /**
   * Returns the node's inode number in this tree. Undefined when it has none yet; `node.inode` may be from another
   * tree.
   */
  #find(node: TreeNode): number | undefined {
    const { inode } = node;
    return inode !== undefined && this.#nodes[indexOf(inode)] === node ? inode : undefined;
  }

  #checkName(directory: Listed, name: ByteString): void {
    const wrong = name === "" || name === "." || name === ".." || /[/\0]/.test(name);
    if (!wrong && name.length <= NAME_BYTES_MAX) return;
    const why = wrong
      ? "it is no name of a file"
      : `it has ${name.length} bytes, more than ${NAME_BYTES_MAX}`;
    throw new TandemError(
      "content",
      `Cannot write the name "${display(name)}" in "${this.pathOf(directory.node)}": ${why}`,
    );
  }

  #checkLinks(): void {
    for (const [index, links] of this.#links.entries()) {
      const node = this.#nodes[index];
      if (links <= LINKS_MAX || node === undefined || node.kind === "directory") continue;
      throw new TandemError(
        "no-space",
        `Cannot write "${this.pathOf(node)}": it has ${links} names, ext4 has room for ${LINKS_MAX}`,
      );
    }
  }
}

/** Returns the inode number for an index. The numbers between the root and FIRST_INODE are reserved by ext4. */
function inodeAt(index: number): number {
  return index === 0 ? ROOT_INODE : FIRST_INODE - 1 + index;
}

function indexOf(inode: number): number {
  return inode === ROOT_INODE ? 0 : inode - FIRST_INODE + 1;
}

function join(parent: string, name: ByteString): string {
  return `${parent === "/" ? "" : parent}/${display(name)}`;
}
