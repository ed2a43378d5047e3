import { viewOf } from "../lib/view.ts";
import { assert } from "../lib/assert.ts";
import type { Extent } from "../tar/entry.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { crc32c, type ReadSeed } from "./checksum.ts";
import { get, put, u16, u32 } from "./field.ts";
import { INODE_MAP } from "./inode.ts";

/** struct ext4_extent_header, ext4_extent, ext4_extent_idx: https://docs.kernel.org/filesystems/ext4/ifork.html */
const HEADER = { magic: u16(0), entries: u16(2), entriesMax: u16(4), depth: u16(6) } as const;
const LEAF = { logicalBlock: u32(0), blocks: u16(4), physicalBlock: u32(8) } as const;
const INDEX = { logicalBlock: u32(0), child: u32(4) } as const;
const MAGIC = 0xf30a;
const ENTRY_BYTES = 12;
const ROOT_ENTRIES = (INODE_MAP.bytes - ENTRY_BYTES) / ENTRY_BYTES;
/** The checksum uses the last four bytes of the block. */
const NODE_ENTRIES = Math.floor((BLOCK_BYTES - ENTRY_BYTES) / ENTRY_BYTES);
const NODE_CHECKSUM = u32(ENTRY_BYTES + NODE_ENTRIES * ENTRY_BYTES);
/** A larger number would mean "uninitialized". */
const EXTENT_BLOCKS_MAX = 32768;

/** An entry of a tree node. In an index node `physicalBlock` is the child node and `blocks` is unused. */
interface NodeEntry {
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly blocks: number;
}

export interface NodeAppender {
  /** The inode's checksum seed. */
  readonly seed: number;
  /** Writes one block and returns its block number. */
  readonly append: (node: Uint8Array) => number;
}

/**
 * Builds the tree of `extents`, which must be in ascending order without overlap. The root goes into the 60 zeroed
 * bytes of `root`, which belong to the inode. Further nodes go into blocks. Returns the number of these blocks.
 */
export function encodeExtents(
  root: DataView,
  extents: readonly Extent[],
  { seed, append }: NodeAppender,
): number {
  let entries: readonly NodeEntry[] = splitLong(extents);
  let depth = 0;
  let blocks = 0;
  while (entries.length > ROOT_ENTRIES) {
    const parents: NodeEntry[] = [];
    for (let at = 0; at < entries.length; at += NODE_ENTRIES) {
      const piece = entries.slice(at, at + NODE_ENTRIES);
      parents.push({ ...firstOf(piece), physicalBlock: append(encodeNode(piece, depth, seed)) });
    }
    blocks += parents.length;
    entries = parents;
    depth += 1;
  }
  encodeEntries(root, entries, depth);
  return blocks;
}

function firstOf(entries: readonly NodeEntry[]): NodeEntry {
  const [first] = entries;
  assert(first !== undefined, "a node has an entry");
  return first;
}

function splitLong(extents: readonly Extent[]): readonly NodeEntry[] {
  if (extents.every(({ blocks }) => blocks <= EXTENT_BLOCKS_MAX)) return extents;
  return extents.flatMap(({ logicalBlock, physicalBlock, blocks }) =>
    Array.from({ length: Math.ceil(blocks / EXTENT_BLOCKS_MAX) }, (_, index) => {
      const skip = index * EXTENT_BLOCKS_MAX;
      return {
        logicalBlock: logicalBlock + skip,
        physicalBlock: physicalBlock + skip,
        blocks: Math.min(EXTENT_BLOCKS_MAX, blocks - skip),
      };
    }),
  );
}

function encodeNode(entries: readonly NodeEntry[], depth: number, seed: number): Uint8Array {
  const node = new Uint8Array(BLOCK_BYTES);
  const record = viewOf(node);
  encodeEntries(record, entries, depth);
  put(record, NODE_CHECKSUM, crc32c(seed, node, 0, NODE_CHECKSUM.offset));
  return node;
}

function encodeEntries(node: DataView, entries: readonly NodeEntry[], depth: number): void {
  put(node, HEADER.magic, MAGIC);
  put(node, HEADER.entries, entries.length);
  put(node, HEADER.entriesMax, Math.floor(node.byteLength / ENTRY_BYTES) - 1);
  put(node, HEADER.depth, depth);
  let at = ENTRY_BYTES;
  for (const { logicalBlock, physicalBlock, blocks } of entries) {
    node.setUint32(at + LEAF.logicalBlock.offset, logicalBlock, true);
    if (depth === 0) {
      node.setUint16(at + LEAF.blocks.offset, blocks, true);
      node.setUint32(at + LEAF.physicalBlock.offset, physicalBlock, true);
    } else node.setUint32(at + INDEX.child.offset, physicalBlock, true);
    at += ENTRY_BYTES;
  }
}

/** Five levels hold more extents than a file can have. */
const DEPTH_MAX = 5;

export interface NodeReader {
  /** The inode's checksum seed. */
  readonly seed: ReadSeed;
  /** The number of blocks in the file system. */
  readonly blocks: number;
  readonly read: (block: number) => Uint8Array;
}

/** Decodes a tree that encodeExtents() has made. `map` is the inode's part of it. Throws BadFileSystem. */
export function decodeExtents(map: Uint8Array, reader: NodeReader): Extent[] {
  return decodeNode(map, DEPTH_MAX, reader);
}

function decodeNode(node: Uint8Array, depthMax: number, reader: NodeReader): Extent[] {
  const header = viewOf(node);
  const [entries, depth] = [get(header, HEADER.entries), get(header, HEADER.depth)];
  const entriesMax = Math.floor((node.byteLength - ENTRY_BYTES) / ENTRY_BYTES);
  if (get(header, HEADER.magic) !== MAGIC || entries > entriesMax || depth > depthMax)
    throw new BadFileSystem("an extent tree is damaged");
  const records = Array.from({ length: entries }, (_, index) => {
    const at = (index + 1) * ENTRY_BYTES;
    return viewOf(node.subarray(at, at + ENTRY_BYTES));
  });
  if (depth === 0) return records.map((record) => decodeLeaf(record, reader));
  return records.flatMap((record) => {
    const child = reader.read(get(record, INDEX.child));
    if (!hasRightChecksum(child, reader.seed))
      throw new BadFileSystem("the checksum of an extent tree is wrong");
    return decodeNode(child, depth - 1, reader);
  });
}

function hasRightChecksum(node: Uint8Array, seed: ReadSeed): boolean {
  if (seed === undefined) return true;
  return get(viewOf(node), NODE_CHECKSUM) === crc32c(seed, node, 0, NODE_CHECKSUM.offset);
}

function decodeLeaf(record: DataView, { blocks: blocksMax }: NodeReader): Extent {
  const extent = {
    logicalBlock: get(record, LEAF.logicalBlock),
    physicalBlock: get(record, LEAF.physicalBlock),
    blocks: get(record, LEAF.blocks),
  };
  const { physicalBlock, blocks } = extent;
  if (blocks < 1 || blocks > EXTENT_BLOCKS_MAX || physicalBlock + blocks > blocksMax)
    throw new BadFileSystem(`an extent claims ${blocks} blocks at ${physicalBlock}`);
  return extent;
}
