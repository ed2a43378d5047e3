import { assert, defined } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { GarbageCounter } from "../lib/garbage.ts";
import { byteStringOf, display } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import type { DirectoryNode, TreeNode } from "../layer/tree.ts";
import type { DirectoryContent } from "./directory.ts";
import { NAME_BYTES_MAX } from "./directory.ts";
import { FIRST_INODE, ROOT_INODE } from "./superblock.ts";

/** e2fsck looks for it there. */
export const LOST_AND_FOUND_INODE = FIRST_INODE;
const LOST_AND_FOUND = byteStringOf("lost+found");
/** EXT4_LINK_MAX. */
const LINKS_MAX = 65_000;
/** What a directory with more says (dir_nlink). */
const MANY_LINKS = 1;

/**
 * Numbers the tree breadth first, names of a directory in order, so that the same tree always gets the same numbers. Adds lost+found
 * if the image has none. Throws a TandemError "no-space" when there are more than `inodesMax`, and for names and links that ext4
 * cannot have.
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

/** A directory, and what follows from its place in the tree. */
interface Listed {
  readonly node: DirectoryNode;
  readonly inode: number;
  /** The number of the directory that it is in; the root is its own. */
  readonly parent: number;
  /** Sorted. */
  names: readonly ByteString[];
}

const NO_NAMES: readonly ByteString[] = [];

/**
 * A tree whose nodes have inode numbers. An image may have millions, most of them files with one name: for those there is no object,
 * only a place in each of a few lists.
 */
export class NumberedTree {
  /** By rising inode number: the root, lost+found, all others. */
  readonly #nodes: TreeNode[] = [];
  /** Of each of the nodes: how many names it has, and those that lead to a directory from within. */
  readonly #links: number[] = [];
  /** By rising inode number. Grows while it is worked through. */
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

  /** All numbers that have a node, rising. */
  *inodes(): Generator<number> {
    for (let index = 0; index < this.#nodes.length; index += 1) yield inodeAt(index);
  }

  /** The numbers of the directories, rising. */
  *directoryInodes(): Generator<number> {
    for (const { inode } of this.#directories.values()) yield inode;
  }

  node(inode: number): TreeNode {
    return defined(this.#nodes[indexOf(inode)], "a node of the number");
  }

  /** As the inode says it. */
  links(inode: number): number {
    const links = defined(this.#links[indexOf(inode)], "links of the number");
    return links > LINKS_MAX ? MANY_LINKS : links;
  }

  /** What is in the directory `node`. */
  contentOf(node: DirectoryNode): DirectoryContent {
    const { inode, parent, names } = this.#listed(node);
    const entries = names.map((name) => {
      const child = this.#child(node, name);
      return { name, inode: this.#inodeOf(child), kind: child.kind };
    });
    return { inode, parent, entries };
  }

  /** For people: "/usr/bin/env". The first name where there are more. Takes long: what is no directory is looked for in all. */
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

  /** Only lost+found may be missing in the tree. */
  #child({ children }: DirectoryNode, name: ByteString): TreeNode {
    return children.get(name) ?? this.#lostAndFound;
  }

  #listed(node: TreeNode): Listed {
    return defined(this.#directories.get(node), "a directory of the tree");
  }

  #inodeOf(node: TreeNode): number {
    return defined(this.#find(node), "a number in this tree");
  }

  /** Undefined when it has none yet, though maybe one in another tree. */
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

/** Between the root's number and the others are those that ext4 keeps for itself. */
function inodeAt(index: number): number {
  return index === 0 ? ROOT_INODE : FIRST_INODE - 1 + index;
}

function indexOf(inode: number): number {
  return inode === ROOT_INODE ? 0 : inode - FIRST_INODE + 1;
}

function join(parent: string, name: ByteString): string {
  return `${parent === "/" ? "" : parent}/${display(name)}`;
}
