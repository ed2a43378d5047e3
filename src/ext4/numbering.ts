import { assert } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { byteStringOf, display } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import type { DirectoryNode, TreeNode } from "../layer/tree.ts";
import type { DirectoryEntry } from "./directory.ts";
import { NAME_BYTES_MAX } from "./directory.ts";
import { FIRST_INODE } from "./superblock.ts";

const ROOT_INODE = 2;
/** e2fsck looks for it there. */
export const LOST_AND_FOUND_INODE = FIRST_INODE;
const LOST_AND_FOUND = byteStringOf("lost+found");
/** EXT4_LINK_MAX: a file has no more names; a directory with more says 1 (dir_nlink). */
const LINKS_MAX = 65_000;

const NO_ENTRIES: readonly DirectoryEntry[] = [];

/**
 * A node of the tree with its inode number and all that follows from its place in the tree. It is the entry of its directory, too: most
 * nodes have one name, and an image may have millions.
 */
export interface Numbered extends DirectoryEntry {
  readonly node: TreeNode;
  /** The first directory it was found in; the root is its own. */
  readonly parent: Numbered | undefined;
  links: number;
  /** Of a directory, sorted by name. */
  entries: readonly DirectoryEntry[];
}

/**
 * Numbers the tree breadth first, names of a directory in order, so that the same tree always gets the same numbers. Adds lost+found
 * if the image has none. Returns the nodes by rising inode number. Throws a TandemError "no-space" when there are more than
 * `inodesMax`, and for names and links that ext4 cannot have.
 */
export function numberTree(
  root: DirectoryNode,
  { inodesMax, timeSeconds }: { readonly inodesMax: number; readonly timeSeconds: number },
): readonly Numbered[] {
  const lostAndFound = root.children.get(LOST_AND_FOUND) ?? emptyDirectory(timeSeconds);
  if (lostAndFound.kind !== "directory")
    throw new TandemError(
      "content",
      `Cannot write "/lost+found" as a ${lostAndFound.kind}: ext4 needs a directory of this name`,
    );
  const numbering = new Numbering(root);
  numbering.add(lostAndFound, LOST_AND_FOUND);
  for (const directory of numbering.directories) numbering.list(directory);
  checkLinks(numbering.nodes);
  const used = FIRST_INODE + numbering.nodes.length - 2;
  if (used > inodesMax)
    throw new TandemError(
      "no-space",
      `Cannot write the file system: it has room for ${inodesMax} inodes, the image needs ${used}`,
      { hint: "Use a larger slot: it has one inode for each 16 KiB." },
    );
  return numbering.nodes;
}

/** For people: "/usr/bin/env". */
export function pathOf(numbered: Numbered): string {
  const names: string[] = [];
  let at = numbered;
  while (at.parent !== undefined) {
    names.unshift(display(at.name));
    at = at.parent;
  }
  return `/${names.join("/")}`;
}

function emptyDirectory(seconds: number): DirectoryNode {
  const mtime = { seconds, nanoseconds: 0 };
  return { kind: "directory", mode: 0o700, uid: 0, gid: 0, mtime, xattrs: [], children: new Map() };
}

class Numbering {
  readonly nodes: Numbered[] = [];
  /** Grows while it is worked through. */
  readonly directories: Numbered[] = [];
  readonly #byNode = new Map<TreeNode, Numbered>();
  readonly #root: Numbered;
  #nextInode = FIRST_INODE;

  constructor(root: DirectoryNode) {
    const name = byteStringOf("");
    const place = { name, inode: ROOT_INODE, kind: root.kind, node: root, parent: undefined };
    this.#root = { ...place, links: 2, entries: NO_ENTRIES };
    this.#keep(this.#root);
  }

  /** Gives `node` the next number, as a child of the root unless another parent is named. */
  add(node: TreeNode, name: ByteString, parent = this.#root): Numbered {
    const { kind } = node;
    const inode = this.#nextInode;
    const links = kind === "directory" ? 2 : 0;
    const numbered = { name, inode, kind, node, parent, links, entries: NO_ENTRIES };
    this.#nextInode += 1;
    this.#keep(numbered);
    return numbered;
  }

  list(directory: Numbered): void {
    assert(directory.node.kind === "directory", "only directories are listed");
    const { children } = directory.node;
    const names = [...children.keys()];
    if (directory === this.#root && !children.has(LOST_AND_FOUND)) names.push(LOST_AND_FOUND);
    directory.entries = names.toSorted().map((name) => {
      checkName(directory, name);
      const child = this.#child(directory, name, children.get(name));
      if (child.name === name && child.parent === directory) return child;
      return { name, inode: child.inode, kind: child.kind };
    });
  }

  #child(directory: Numbered, name: ByteString, node: TreeNode | undefined): Numbered {
    // Only lost+found is numbered before it is listed, and it may not be in the tree.
    if (node === undefined) return this.#link(directory, this.nodes[1]);
    return this.#link(directory, this.#byNode.get(node) ?? this.add(node, name, directory));
  }

  #link(directory: Numbered, child: Numbered | undefined): Numbered {
    assert(child !== undefined, "a name has a node");
    if (child.node.kind !== "directory") child.links += 1;
    else {
      assert(child.parent === directory, "a directory has one name");
      directory.links += 1;
    }
    return child;
  }

  #keep(numbered: Numbered): void {
    this.nodes.push(numbered);
    this.#byNode.set(numbered.node, numbered);
    if (numbered.node.kind === "directory") this.directories.push(numbered);
  }
}

function checkName(directory: Numbered, name: ByteString): void {
  const wrong = name === "" || name === "." || name === ".." || /[/\0]/.test(name);
  if (!wrong && name.length <= NAME_BYTES_MAX) return;
  const why = wrong
    ? "it is no name of a file"
    : `it has ${name.length} bytes, more than ${NAME_BYTES_MAX}`;
  throw new TandemError(
    "content",
    `Cannot write the name "${display(name)}" in "${pathOf(directory)}": ${why}`,
  );
}

function checkLinks(nodes: readonly Numbered[]): void {
  for (const numbered of nodes) {
    if (numbered.links <= LINKS_MAX) continue;
    if (numbered.node.kind !== "directory")
      throw new TandemError(
        "no-space",
        `Cannot write "${pathOf(numbered)}": it has ${numbered.links} names, ext4 has room for ${LINKS_MAX}`,
      );
    numbered.links = 1;
  }
}
