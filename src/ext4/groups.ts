import type { BlockUsage } from "./block-usage.ts";
import { setBits } from "./block-usage.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { GROUP_BLOCKS } from "./block.ts";
import { crc32c } from "./checksum.ts";
import {
  DESCRIPTOR_BYTES,
  encodeDescriptor,
  GROUP_FLAG,
  sealDescriptorAlone,
} from "./group-descriptor.ts";
import type { Ext4Geometry } from "./geometry.ts";
import type { PlacedWriter } from "./placed-writer.ts";
import type { Checksums } from "./superblock.ts";

/** The used parts of a file system. Inodes are used in order from the first one. */
export interface UsedParts {
  readonly geometry: Ext4Geometry;
  readonly usage: BlockUsage;
  readonly lastInode: number;
  /** The number of directories in each group's inode table. */
  readonly directories: readonly number[];
  readonly checksumSeed: number;
  readonly checksums: Checksums;
  readonly uuid: Uint8Array;
}

/** Writes the bitmaps of all groups that are in use. Returns the table of group descriptors. */
export function writeGroups(writer: PlacedWriter, used: UsedParts): Uint8Array {
  const { geometry } = used;
  const table = new Uint8Array(geometry.descriptorBlocks * BLOCK_BYTES);
  const groups = Array.from({ length: geometry.groups }, (_, group) => group);
  const blocks = groups.map((group) => writeBlockBitmap(writer, used, group));
  const inodes = groups.map((group) => writeInodeBitmap(writer, used, group));
  for (const group of groups) {
    const bytes = table.subarray(group * DESCRIPTOR_BYTES, (group + 1) * DESCRIPTOR_BYTES);
    const [block, inode] = [blocks[group], inodes[group]];
    const inodeCount = usedInodes(used, group);
    const values = {
      blockBitmap: geometry.blockBitmaps[group] ?? 0,
      inodeBitmap: geometry.inodeBitmaps[group] ?? 0,
      inodeTable: geometry.inodeTables[group] ?? 0,
      freeBlocks: used.usage.freeIn(group),
      freeInodes: geometry.inodesPerGroup - inodeCount,
      directories: used.directories[group] ?? 0,
      flags:
        (block === undefined ? GROUP_FLAG.blocksUninitialized : 0) |
        (inode === undefined ? GROUP_FLAG.inodesUninitialized : 0),
      blockBitmapChecksum: block ?? 0,
      inodeBitmapChecksum: inode ?? 0,
      unusedInodes: geometry.inodesPerGroup - inodeCount,
    };
    encodeDescriptor(bytes, values, { group, seed: used.checksumSeed });
    if (used.checksums === "descriptors") sealDescriptorAlone(bytes, used.uuid, group);
  }
  return table;
}

/** Writes the bitmap and returns its checksum. Undefined when the group needs no bitmap. */
function writeBlockBitmap(
  writer: PlacedWriter,
  used: UsedParts,
  group: number,
): number | undefined {
  const bitmap = used.usage.bitmap(group);
  if (bitmap === undefined) return undefined;
  writer.put(used.geometry.blockBitmaps[group] ?? 0, bitmap);
  return crc32c(used.checksumSeed, bitmap);
}

function writeInodeBitmap(
  writer: PlacedWriter,
  used: UsedParts,
  group: number,
): number | undefined {
  const { inodesPerGroup, inodeBitmaps } = used.geometry;
  const inodeCount = usedInodes(used, group);
  if (inodeCount === 0) return undefined;
  const bitmap = new Uint8Array(BLOCK_BYTES);
  setBits(bitmap, 0, inodeCount);
  setBits(bitmap, inodesPerGroup, GROUP_BLOCKS - inodesPerGroup);
  writer.put(inodeBitmaps[group] ?? 0, bitmap);
  return crc32c(used.checksumSeed, bitmap.subarray(0, inodesPerGroup / 8));
}

function usedInodes({ geometry, lastInode }: UsedParts, group: number): number {
  const { inodesPerGroup } = geometry;
  return Math.min(Math.max(lastInode - group * inodesPerGroup, 0), inodesPerGroup);
}
