import { assert } from "../lib/assert.ts";
import { GarbageCounter } from "../lib/garbage.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { byteStringOf } from "../lib/byte-string.ts";
import type { DirectoryNode } from "../layer/tree.ts";
import type { BlockFile } from "../system/block-file.ts";
import type { Allocator } from "./allocator.ts";
import { BlockUsage } from "./block-usage.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { GROUP_BLOCKS } from "./block.ts";
import { crc32c, CRC_START } from "./checksum.ts";
import { DataWriter } from "./data-writer.ts";
import { fitGeometry } from "./fit-geometry.ts";
import { writeGroups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import { hashSeedOf, uuidBytes } from "./identity.ts";
import { InodeTable } from "./inode-table.ts";
import type { Ext4Geometry } from "./geometry.ts";
import { backupGroups } from "./geometry.ts";
import { NodeWriter } from "./node-writer.ts";
import type { NumberedTree } from "./numbering.ts";
import { numberTree } from "./numbering.ts";
import { PlacedWriter } from "./placed-writer.ts";
import type { Checksums, SuperblockValues } from "./superblock.ts";
import { encodeBlock0, encodeSuperblock, LABEL_BYTES_MAX } from "./superblock.ts";
import type { WrittenRange } from "./written-range.ts";
import { rangeOf } from "./written-range.ts";
import { plainOutbox } from "../system/outbox.ts";

export interface FileSystemContent {
  readonly geometry: Ext4Geometry;
  /** The allocator that was used for the data of the files in `root`. */
  readonly allocator: Allocator;
  readonly root: DirectoryNode;
  readonly identity: Identity;
  /** "metadata" by default. */
  readonly checksums?: Checksums;
  /** Makes the file system smaller than `geometry`, with this much free space. */
  readonly fit?: Fit | undefined;
}

/** How small a file system may become. */
export interface Fit {
  /** The free space behind its data, at least. */
  readonly freeBytes: number;
  /** Its size, at least. */
  readonly minimumBytes: number;
}

export interface WrittenTree {
  /**
   * Everything that writeTree() has written, and block 0, in ascending order. Without file data: see
   * DataWriter.finish().
   */
  readonly ranges: readonly WrittenRange[];
  /** Block 0. It makes the target a file system: flush everything else first, then write it at offset 0. */
  readonly superblock: Uint8Array;
  /** The number of used inodes, including the eleven that every ext4 has. */
  readonly inodes: number;
  /** The used space, including the fixed parts of the file system. */
  readonly usedBytes: number;
  /** The size of the file system. The target may end there. */
  readonly sizeBytes: number;
}

/**
 * Writes everything except file data and block 0. A range of file data may lie behind the end of a file system that was
 * made smaller. Equal geometries, trees, extents and identities give equal bytes.
 * File data that no node refers to becomes free space. Throws "no-space" or "content" with the path of the node.
 */
export function writeTree(target: BlockFile, content: FileSystemContent): WrittenTree {
  const { geometry: whole, identity, checksums = "metadata" } = content;
  const inodesMax = whole.groups * whole.inodesPerGroup;
  const tree = numberTree(content.root, { inodesMax, timeSeconds: identity.timeSeconds });
  const usage = new BlockUsage();
  const uuid = uuidBytes(identity.uuid);
  const hashSeed = hashSeedOf(identity.uuid);
  const checksumSeed = crc32c(CRC_START, uuid);
  const data = new DataWriter(plainOutbox(target), content.allocator, whole.frontRest);
  const front = new PlacedWriter(target);
  const { timeSeconds } = identity;
  const writer = new NodeWriter({ data, usage, checksumSeed, hashSeed, timeSeconds, checksums });
  writeNodes(tree, writer, new InodeTable(whole, front));
  const { lastInode } = tree;
  const geometry = fitted(content, usage.endBlock, lastInode);
  usage.settle(geometry);
  const directories = countDirectories(tree, geometry);
  const used = { geometry, usage, lastInode, directories, checksumSeed, checksums, uuid };
  const superblock = {
    geometry,
    freeBlocks: geometry.blocks - usage.usedBlocks,
    freeInodes: geometry.groups * geometry.inodesPerGroup - lastInode,
    uuid,
    hashSeed,
    label: labelOf(identity),
    timeSeconds,
    checksums,
  };
  writeDescriptors(front, superblock, writeGroups(front, used));
  const block0 = encodeBlock0(superblock);
  const ranges = [rangeOf(0, block0), ...front.finish(), ...data.finish()];
  return {
    ranges: ranges.toSorted((one, other) => one.offsetBytes - other.offsetBytes),
    superblock: block0,
    inodes: lastInode,
    usedBytes: usage.usedBlocks * BLOCK_BYTES,
    sizeBytes: geometry.blocks * BLOCK_BYTES,
  };
}

function fitted(
  { geometry, fit }: FileSystemContent,
  endBlock: number,
  lastInode: number,
): Ext4Geometry {
  if (fit === undefined) return geometry;
  const freeBlocks = Math.ceil(fit.freeBytes / BLOCK_BYTES);
  const minimumBlocks = Math.ceil(fit.minimumBytes / BLOCK_BYTES);
  return fitGeometry(geometry, { endBlock, lastInode, freeBlocks, minimumBlocks });
}

function labelOf({ label }: Identity): ByteString {
  const bytes = byteStringOf(label);
  assert(bytes.length <= LABEL_BYTES_MAX, "a label has at most 16 bytes");
  return bytes;
}

function writeNodes(tree: NumberedTree, writer: NodeWriter, table: InodeTable): void {
  const garbage = new GarbageCounter();
  for (const inode of tree.inodes()) {
    table.put(inode, writer.write(tree, inode));
    const node = tree.node(inode);
    garbage.add(node.kind === "directory" ? node.children.size : 1);
  }
  table.finish();
}

function countDirectories(tree: NumberedTree, { groups, inodesPerGroup }: Ext4Geometry): number[] {
  const counts = Array.from({ length: groups }, () => 0);
  for (const inode of tree.directoryInodes()) {
    const group = Math.floor((inode - 1) / inodesPerGroup);
    counts[group] = (counts[group] ?? 0) + 1;
  }
  return counts;
}

/**
 * Writes the group descriptors after block 0, and a superblock and descriptors at the start of each group with a
 * backup.
 */
function writeDescriptors(
  front: PlacedWriter,
  superblock: SuperblockValues,
  table: Uint8Array,
): void {
  for (const group of [0, ...backupGroups(superblock.geometry.groups)]) {
    const start = group * GROUP_BLOCKS;
    if (group > 0) front.put(start, encodeSuperblock(superblock, group));
    for (let at = 0; at < table.byteLength; at += BLOCK_BYTES)
      front.put(start + 1 + at / BLOCK_BYTES, table.subarray(at, at + BLOCK_BYTES));
  }
}
