import type { BlockUsage } from "./block-usage.ts";
import { setBits } from "./block-usage.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { GROUP_BLOCKS } from "./block.ts";
import { crc32c } from "./checksum.ts";
import { DESCRIPTOR_BYTES, encodeDescriptor, GROUP_FLAG } from "./group-descriptor.ts";
import type { Ext4Geometry } from "./geometry.ts";
import type { PlacedWriter } from "./placed-writer.ts";

/** What is in use of a file system. Inodes are used from the first one up. */
export interface Fill {
  readonly geometry: Ext4Geometry;
  readonly usage: BlockUsage;
  readonly lastInode: number;
  /** How many directories each group's inode table has. */
  readonly directories: readonly number[];
  readonly checksumSeed: number;
}

/** Writes the bitmaps of all groups in which something is in use, and returns the table of group descriptors. */
export function writeGroups(writer: PlacedWriter, fill: Fill): Uint8Array {
  const { geometry } = fill;
  const table = new Uint8Array(geometry.descriptorBlocks * BLOCK_BYTES);
  const groups = Array.from({ length: geometry.groups }, (_, group) => group);
  const blocks = groups.map((group) => writeBlockBitmap(writer, fill, group));
  const inodes = groups.map((group) => writeInodeBitmap(writer, fill, group));
  for (const group of groups) {
    const bytes = table.subarray(group * DESCRIPTOR_BYTES, (group + 1) * DESCRIPTOR_BYTES);
    const [block, inode] = [blocks[group], inodes[group]];
    const used = usedInodes(fill, group);
    const values = {
      blockBitmap: geometry.blockBitmaps[group] ?? 0,
      inodeBitmap: geometry.inodeBitmaps[group] ?? 0,
      inodeTable: geometry.inodeTables[group] ?? 0,
      freeBlocks: fill.usage.freeIn(group),
      freeInodes: geometry.inodesPerGroup - used,
      directories: fill.directories[group] ?? 0,
      flags:
        (block === undefined ? GROUP_FLAG.blocksUninitialized : 0) |
        (inode === undefined ? GROUP_FLAG.inodesUninitialized : 0),
      blockBitmapChecksum: block ?? 0,
      inodeBitmapChecksum: inode ?? 0,
      unusedInodes: geometry.inodesPerGroup - used,
    };
    encodeDescriptor(bytes, values, { group, seed: fill.checksumSeed });
  }
  return table;
}

/** Writes the bitmap and returns its checksum; undefined if there is nothing to write. */
function writeBlockBitmap(writer: PlacedWriter, fill: Fill, group: number): number | undefined {
  const bitmap = fill.usage.bitmap(group);
  if (bitmap === undefined) return undefined;
  writer.put(fill.geometry.blockBitmaps[group] ?? 0, bitmap);
  return crc32c(fill.checksumSeed, bitmap);
}

function writeInodeBitmap(writer: PlacedWriter, fill: Fill, group: number): number | undefined {
  const { inodesPerGroup, inodeBitmaps } = fill.geometry;
  const used = usedInodes(fill, group);
  if (used === 0) return undefined;
  const bitmap = new Uint8Array(BLOCK_BYTES);
  setBits(bitmap, 0, used);
  setBits(bitmap, inodesPerGroup, GROUP_BLOCKS - inodesPerGroup);
  writer.put(inodeBitmaps[group] ?? 0, bitmap);
  return crc32c(fill.checksumSeed, bitmap.subarray(0, inodesPerGroup / 8));
}

function usedInodes({ geometry, lastInode }: Fill, group: number): number {
  const { inodesPerGroup } = geometry;
  return Math.min(Math.max(lastInode - group * inodesPerGroup, 0), inodesPerGroup);
}
