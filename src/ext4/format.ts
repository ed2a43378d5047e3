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
import type { SuperblockValues } from "./superblock.ts";
import { encodeBlock0, encodeSuperblock, LABEL_BYTES_MAX } from "./superblock.ts";
import type { WrittenRange } from "./written-range.ts";
import { rangeOf } from "./written-range.ts";
import { plainOutbox } from "../system/outbox.ts";

export interface Image {
  readonly geometry: Ext4Geometry;
  /** The one that placed the data of the files in `root`. */
  readonly allocator: Allocator;
  readonly root: DirectoryNode;
  readonly identity: Identity;
}

export interface WrittenTree {
  /** All that writeTree() wrote and block 0, by rising offset. The data of the files is not among them: its writers tell it. */
  readonly ranges: readonly WrittenRange[];
  /** Block 0. Nothing is a file system before it: flush everything else, then write it at offset 0. */
  readonly superblock: Uint8Array;
  /** In use, the eleven that every ext4 has included. */
  readonly inodes: number;
  /** Of the file system, its fixed parts included. */
  readonly usedBytes: number;
}

/**
 * Writes everything but the data of files and block 0. The same geometry, tree, extents and identity give the same bytes. File data
 * that no node names stays where it is and is free space. Throws a TandemError "no-space" or "content", naming the path.
 */
export function writeTree(target: BlockFile, image: Image): WrittenTree {
  const { geometry, identity } = image;
  const inodesMax = geometry.groups * geometry.inodesPerGroup;
  const tree = numberTree(image.root, { inodesMax, timeSeconds: identity.timeSeconds });
  const usage = new BlockUsage(geometry);
  const uuid = uuidBytes(identity.uuid);
  const hashSeed = hashSeedOf(identity.uuid);
  const checksumSeed = crc32c(CRC_START, uuid);
  const data = new DataWriter(plainOutbox(target), image.allocator, geometry.frontRest);
  const front = new PlacedWriter(target);
  const { timeSeconds } = identity;
  const writer = new NodeWriter({ data, usage, checksumSeed, hashSeed, timeSeconds });
  writeNodes(tree, writer, new InodeTable(geometry, front));
  const { lastInode } = tree;
  const directories = countDirectories(tree, geometry);
  const fill = { geometry, usage, lastInode, directories, checksumSeed };
  const superblock = {
    geometry,
    freeBlocks: geometry.blocks - usage.usedBlocks,
    freeInodes: inodesMax - lastInode,
    uuid,
    hashSeed,
    label: labelOf(identity),
    timeSeconds,
  };
  writeDescriptors(front, superblock, writeGroups(front, fill));
  const block0 = encodeBlock0(superblock);
  const ranges = [rangeOf(0, block0), ...front.finish(), ...data.finish()];
  return {
    ranges: ranges.toSorted((one, other) => one.offsetBytes - other.offsetBytes),
    superblock: block0,
    inodes: lastInode,
    usedBytes: usage.usedBlocks * BLOCK_BYTES,
  };
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

/** Behind block 0, and with a superblock at the start of each group that keeps a backup. */
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
