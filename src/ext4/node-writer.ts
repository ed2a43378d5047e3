import { viewOf } from "../lib/view.ts";
import { assert } from "../lib/assert.ts";
import { bytesOf } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import type { Extent } from "../tar/entry.ts";
import type { Attributes, DeviceNode, SymlinkNode, TreeNode } from "../layer/tree.ts";
import type { BlockUsage } from "./block-usage.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import type { DataWriter } from "./data-writer.ts";
import { encodeDevice } from "./device.ts";
import type { DirectoryContent } from "./directory.ts";
import { encodeDirectory, encodeLeaf, fitsOneBlock } from "./directory.ts";
import { encodeExtents, type NodeAppender } from "./extents.ts";
import { encodeIndexed } from "./htree.ts";
import {
  encodeInode,
  INODE_BYTES,
  INODE_FLAG,
  INODE_MAP,
  INODE_XATTRS_OFFSET,
  type InodeValues,
  inodeSeed,
  putInodeChecksum,
} from "./inode.ts";
import type { NumberedTree } from "./numbering.ts";
import { LOST_AND_FOUND_INODE } from "./numbering.ts";
import type { Checksums } from "./superblock.ts";
import { encodeXattrBlock, putInodeXattrs, putXattrChecksum, storedXattrs } from "./xattr.ts";

/** Targets up to this size are stored in the inode. GRUB and the kernel decide by the size. */
const INLINE_TARGET_BYTES_MAX = INODE_MAP.bytes - 1;
/** PATH_MAX without its NUL: the kernel does not follow longer targets. */
const TARGET_BYTES_MAX = 4095;
/** As in mke2fs: e2fsck can add entries without allocating blocks. */
const LOST_AND_FOUND_BLOCKS = 4;

export interface NodeWriterOptions {
  readonly data: DataWriter;
  readonly usage: BlockUsage;
  readonly checksumSeed: number;
  readonly hashSeed: Uint8Array;
  readonly timeSeconds: number;
  readonly checksums: Checksums;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

const NOBODY: Attributes = {
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: [],
};

/**
 * Writes the metadata of one node: directory, long symlink, extent and xattr blocks, and the inode. It reuses the same
 * memory and objects for all nodes: there may be millions, and their garbage would double the memory.
 */
export class NodeWriter {
  readonly #options: NodeWriterOptions;
  readonly #inode = new Uint8Array(INODE_BYTES);
  readonly #record = viewOf(this.#inode);
  readonly #map = this.#inode.subarray(INODE_MAP.offset, INODE_MAP.offset + INODE_MAP.bytes);
  readonly #mapRecord = viewOf(this.#map);
  /** The values of the current node. */
  readonly #values: Mutable<InodeValues>;
  readonly #appender: Mutable<NodeAppender>;

  constructor(options: NodeWriterOptions) {
    this.#options = options;
    this.#values = {
      kind: "fifo",
      attributes: NOBODY,
      sizeBytes: 0,
      links: 0,
      blocks: 0,
      flags: 0,
      xattrBlock: 0,
      makeTime: { seconds: options.timeSeconds, nanoseconds: 0 },
    };
    this.#appender = { seed: 0, append: (block) => this.#append(block) };
  }

  /** Writes the blocks of a node. Returns the 256 bytes of its inode, which are valid until the next call. */
  write(tree: NumberedTree, inode: number): Uint8Array {
    const node = tree.node(inode);
    const seed = inodeSeed(this.#options.checksumSeed, inode);
    const values = this.#values;
    values.kind = node.kind;
    values.attributes = node;
    values.links = tree.links(inode);
    values.sizeBytes = 0;
    values.blocks = 0;
    values.flags = 0;
    this.#appender.seed = seed;
    this.#inode.fill(0);
    this.#putBody(tree, node, seed);
    values.xattrBlock = this.#putXattrs(tree, node);
    encodeInode(this.#record, values);
    putInodeChecksum(this.#inode, this.#record, seed);
    return this.#inode;
  }

  #putBody(tree: NumberedTree, node: TreeNode, seed: number): void {
    switch (node.kind) {
      case "file":
        return this.#putMap(node.sizeBytes, node.extents);
      case "directory":
        return this.#putDirectory(tree.contentOf(node), seed);
      case "symlink":
        return this.#putSymlink(tree, node);
      case "character":
      case "block":
        return this.#putDevice(tree, node);
      case "fifo":
        return;
    }
  }

  #putMap(sizeBytes: number, extents: readonly Extent[]): void {
    const last = extents.at(-1);
    const endBlock = last === undefined ? 0 : last.logicalBlock + last.blocks;
    assert(endBlock <= Math.ceil(sizeBytes / BLOCK_BYTES), "extents end with their file");
    const values = this.#values;
    values.sizeBytes = sizeBytes;
    values.flags |= INODE_FLAG.extents;
    values.blocks += encodeExtents(this.#mapRecord, extents, this.#appender);
    for (const extent of extents) {
      this.#use(extent);
      values.blocks += extent.blocks;
    }
  }

  #putDirectory(content: DirectoryContent, seed: number): void {
    if (!fitsOneBlock(content)) {
      const { hashSeed, checksums } = this.#options;
      const blocks = encodeIndexed(content, { checksum: seed, hash: hashSeed, checksums });
      this.#values.flags |= INODE_FLAG.index;
      return this.#store(blocks);
    }
    const blocks = [encodeDirectory(content, seed)];
    const spare = content.inode === LOST_AND_FOUND_INODE ? LOST_AND_FOUND_BLOCKS - 1 : 0;
    for (let index = 0; index < spare; index += 1) blocks.push(encodeLeaf([], seed));
    this.#store(blocks);
  }

  #putSymlink(tree: NumberedTree, node: SymlinkNode): void {
    const { target } = node;
    if (target.length === 0 || target.length > TARGET_BYTES_MAX)
      throw new TandemError(
        "content",
        `Cannot write symlink "${tree.pathOf(node)}": its target has ${target.length} bytes, want 1 to ${TARGET_BYTES_MAX}`,
      );
    const bytes = bytesOf(target);
    if (target.length > INLINE_TARGET_BYTES_MAX) return this.#store([bytes]);
    this.#map.set(bytes);
    this.#values.sizeBytes = target.length;
  }

  #putDevice(tree: NumberedTree, node: DeviceNode): void {
    const map = encodeDevice(node);
    if (map === undefined)
      throw new TandemError(
        "content",
        `Cannot write device "${tree.pathOf(node)}": its number ${node.major}:${node.minor} is out of range`,
      );
    this.#map.set(map);
  }

  /** Stores generated content like the data of a file. */
  #store(pieces: readonly Uint8Array[]): void {
    const { data } = this.#options;
    const sizeBytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    data.begin(sizeBytes, sizeBytes);
    for (const piece of pieces) data.write(piece);
    this.#putMap(sizeBytes, data.end());
  }

  /** Stores the xattrs. Returns the block of those that do not fit into the inode, or 0. */
  #putXattrs(tree: NumberedTree, node: TreeNode): number {
    const { xattrs } = node;
    if (xattrs.length === 0) return 0;
    const path = (): string => tree.pathOf(node);
    const area = this.#inode.subarray(INODE_XATTRS_OFFSET);
    const rest = putInodeXattrs(area, storedXattrs(xattrs, path));
    if (rest.length === 0) return 0;
    const block = encodeXattrBlock(rest, path);
    putXattrChecksum(block, this.#options.data.nextBlock(), this.#options.checksumSeed);
    this.#values.blocks += 1;
    return this.#append(block);
  }

  /** Writes one block of metadata and returns its block number. */
  #append(block: Uint8Array): number {
    const { data } = this.#options;
    data.begin(block.byteLength, block.byteLength);
    data.write(block);
    const [extent] = data.end();
    assert(extent !== undefined, "a block has a place");
    this.#use(extent);
    return extent.physicalBlock;
  }

  #use({ physicalBlock, blocks }: Extent): void {
    this.#options.usage.mark({ block: physicalBlock, blocks });
  }
}
