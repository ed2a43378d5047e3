import { TandemError } from "../lib/error.ts";
import { alignUp, formatBytes, KiB, MiB } from "../lib/units.ts";
import type { BlockRun } from "./block.ts";
import { BLOCK_BYTES, CHUNK_BLOCKS } from "../disk/chunk.ts";
import { GROUP_BLOCKS } from "./block.ts";
import { DESCRIPTOR_BYTES } from "./group-descriptor.ts";
import { INODE_BYTES } from "./inode.ts";

/** Smaller leaves no room for a chunk of data and one of directories. */
const SIZE_BYTES_MIN = 4 * MiB;
/** Block numbers have 32 bits without the 64bit feature. */
const BLOCKS_MAX = 2 ** 32 - 1;
/** As mke2fs has it: one inode for so many bytes. */
const BYTES_PER_INODE = 16 * KiB;
const INODES_PER_BLOCK = BLOCK_BYTES / INODE_BYTES;
/** A shorter last group is left out, as mke2fs does: it would hold hardly more than its backup superblock. */
const LAST_GROUP_BLOCKS_MIN = 50;

/**
 * Where the fixed parts of a file system lie: superblock, group descriptors, all block bitmaps, all inode bitmaps, all inode tables,
 * one after the other at the front, broken only by backup superblocks. Plain data: it crosses between threads.
 */
export interface Ext4Geometry {
  readonly blocks: number;
  readonly groups: number;
  /** How many blocks the group descriptors fill, after the superblock and after each backup of it. */
  readonly descriptorBlocks: number;
  readonly inodesPerGroup: number;
  /** Of one group. */
  readonly inodeTableBlocks: number;
  /** Block of each group's block bitmap, inode bitmap and inode table. */
  readonly blockBitmaps: readonly number[];
  readonly inodeBitmaps: readonly number[];
  readonly inodeTables: readonly number[];
  /** What is left of the chunk in which the front ends: used for directories. */
  readonly frontRest: BlockRun;
  /** Whole chunks for data, counted in chunks from the start of the device. */
  readonly runs: readonly ChunkRun[];
}

export interface ChunkRun {
  readonly chunk: number;
  readonly chunks: number;
}

/** Plans a file system that fills `sizeBytes`. Throws a TandemError "no-space" if that is too small or too large for one. */
export function planGeometry(sizeBytes: number): Ext4Geometry {
  const blocks = usableBlocks(Math.floor(sizeBytes / BLOCK_BYTES));
  if (sizeBytes < SIZE_BYTES_MIN || blocks > BLOCKS_MAX)
    throw new TandemError(
      "no-space",
      `Cannot plan a file system of ${formatBytes(sizeBytes)}: want ${formatBytes(SIZE_BYTES_MIN)} to 16 TiB`,
    );
  const groups = groupsOf(blocks);
  const descriptorBlocks = descriptorBlocksOf(groups);
  const inodes = (blocks * BLOCK_BYTES) / BYTES_PER_INODE;
  const inodesPerGroup = alignUp(inodes / groups, INODES_PER_BLOCK);
  const inodeTableBlocks = inodesPerGroup / INODES_PER_BLOCK;
  const front = new Front(descriptorBlocks);
  const eachGroup = { length: groups };
  const blockBitmaps = Array.from(eachGroup, () => front.take(1));
  const inodeBitmaps = Array.from(eachGroup, () => front.take(1));
  const inodeTables = Array.from(eachGroup, () => front.take(inodeTableBlocks));
  const sizes = { blocks, groups, descriptorBlocks, inodesPerGroup, inodeTableBlocks };
  return {
    ...sizes,
    blockBitmaps,
    inodeBitmaps,
    inodeTables,
    frontRest: front.rest(blocks),
    runs: freeRuns(sizes, front.end),
  };
}

/** Whether group `group` keeps a copy of superblock and descriptors (sparse_super): 0, 1 and the powers of 3, 5 and 7. */
export function hasSuperblock(group: number): boolean {
  return group < 2 || [3, 5, 7].some((base) => isPower(group, base));
}

/** The groups above 0 with a backup, in order. */
export function backupGroups(groups: number): readonly number[] {
  const powers = [3, 5, 7].flatMap((base) => powersBelow(base, groups));
  return [...(groups > 1 ? [1] : []), ...powers].toSorted((one, other) => one - other);
}

function isPower(value: number, base: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}

function powersBelow(base: number, limit: number): number[] {
  const powers = [];
  for (let power = base; power < limit; power *= base) powers.push(power);
  return powers;
}

/** How many blocks group `group` has: all but the last one are full. */
export function groupBlocks(geometry: Pick<Ext4Geometry, "blocks">, group: number): number {
  return Math.min(GROUP_BLOCKS, geometry.blocks - group * GROUP_BLOCKS);
}

function usableBlocks(blocks: number): number {
  const last = blocks % GROUP_BLOCKS;
  const groups = groupsOf(blocks);
  const backup = hasSuperblock(groups - 1) ? 1 + descriptorBlocksOf(groups) : 0;
  return last !== 0 && last < backup + LAST_GROUP_BLOCKS_MIN ? blocks - last : blocks;
}

function groupsOf(blocks: number): number {
  return Math.ceil(blocks / GROUP_BLOCKS);
}

function descriptorBlocksOf(groups: number): number {
  return Math.ceil((groups * DESCRIPTOR_BYTES) / BLOCK_BYTES);
}

/** Hands out the front block by block and steps over the backups that lie in its way in large file systems. */
class Front {
  readonly #backupBlocks: number;
  /** The first block after the front. */
  end: number;

  constructor(descriptorBlocks: number) {
    this.#backupBlocks = 1 + descriptorBlocks;
    this.end = this.#backupBlocks;
  }

  take(blocks: number): number {
    const group = Math.floor((this.end + blocks - 1) / GROUP_BLOCKS);
    const backupEnd = group * GROUP_BLOCKS + this.#backupBlocks;
    if (group > 0 && hasSuperblock(group) && this.end < backupEnd) this.end = backupEnd;
    const block = this.end;
    this.end += blocks;
    return block;
  }

  rest(blocks: number): BlockRun {
    const chunkEnd = Math.min(alignUp(this.end, CHUNK_BLOCKS), blocks);
    return { block: this.end, blocks: chunkEnd - this.end };
  }
}

/** The whole chunks between the end of the front, the backups and the end of the device. */
function freeRuns(
  {
    blocks,
    groups,
    descriptorBlocks,
  }: Pick<Ext4Geometry, "blocks" | "groups" | "descriptorBlocks">,
  frontEnd: number,
): ChunkRun[] {
  const runs: ChunkRun[] = [];
  let chunk = Math.ceil(frontEnd / CHUNK_BLOCKS);
  const closeRun = (end: number): void => {
    if (end > chunk) runs.push({ chunk, chunks: end - chunk });
  };
  for (const group of backupGroups(groups)) {
    const backup = group * GROUP_BLOCKS;
    closeRun(backup / CHUNK_BLOCKS);
    chunk = Math.max(chunk, Math.ceil((backup + 1 + descriptorBlocks) / CHUNK_BLOCKS));
  }
  closeRun(Math.floor(blocks / CHUNK_BLOCKS));
  return runs;
}
