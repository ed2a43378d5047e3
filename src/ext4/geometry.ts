import { TandemError } from "../lib/error.ts";
import { alignUp, formatBytes, KiB, MiB } from "../lib/units.ts";
import type { BlockRun } from "./block.ts";
import { BLOCK_BYTES, CHUNK_BLOCKS } from "../disk/chunk.ts";
import { GROUP_BLOCKS } from "./block.ts";
import { DESCRIPTOR_BYTES } from "./group-descriptor.ts";
import { INODE_BYTES } from "./inode.ts";

/** A smaller device has no space for one chunk of data and one of directories. */
export const SIZE_BYTES_MIN = 4 * MiB;
/** Block numbers have 32 bits without the 64bit feature. */
const BLOCKS_MAX = 2 ** 32 - 1;
/** One inode for this many bytes, as in mke2fs. */
const BYTES_PER_INODE = 16 * KiB;
const INODES_PER_BLOCK = BLOCK_BYTES / INODE_BYTES;
/** A shorter last group is not used, as in mke2fs: it would hold little more than its backup superblock. */
const LAST_GROUP_BLOCKS_MIN = 50;

/**
 * The locations of a file system's fixed parts: superblock, group descriptors, all block bitmaps, all inode bitmaps,
 * all inode tables. They lie in this order at the front, interrupted only by backup superblocks. Plain data, because it
 * is sent between threads.
 */
export interface Ext4Geometry {
  readonly blocks: number;
  readonly groups: number;
  /** The number of blocks of group descriptors after the superblock and after each backup. */
  readonly descriptorBlocks: number;
  readonly inodesPerGroup: number;
  /** The size of one group's inode table. */
  readonly inodeTableBlocks: number;
  /** The first block of each group's block bitmap, inode bitmap and inode table. */
  readonly blockBitmaps: readonly number[];
  readonly inodeBitmaps: readonly number[];
  readonly inodeTables: readonly number[];
  /** The rest of the chunk in which the front ends. It is used for directories. */
  readonly frontRest: BlockRun;
  /** The whole chunks for data. */
  readonly runs: readonly ChunkRun[];
}

export interface ChunkRun {
  readonly chunk: number;
  readonly chunks: number;
}

/** Plans a file system of `sizeBytes`. Throws "no-space" when this is too small or too large. */
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

/**
 * Whether a group has a copy of superblock and descriptors. With sparse_super these are 0, 1 and the powers of 3, 5 and
 * 7.
 */
export function hasSuperblock(group: number): boolean {
  return group < 2 || [3, 5, 7].some((base) => isPower(group, base));
}

/** Returns the groups after group 0 that have a backup, in ascending order. */
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

/** Returns the number of blocks in a group. Only the last group may be incomplete. */
export function groupBlocks(geometry: Pick<Ext4Geometry, "blocks">, group: number): number {
  return Math.min(GROUP_BLOCKS, geometry.blocks - group * GROUP_BLOCKS);
}

/** Returns how many of the blocks a file system uses: all, or all but those of a last group that is too short. */
export function usableBlocks(blocks: number): number {
  const last = blocks % GROUP_BLOCKS;
  const groups = groupsOf(blocks);
  const backup = hasSuperblock(groups - 1) ? 1 + descriptorBlocksOf(groups) : 0;
  return last !== 0 && last < backup + LAST_GROUP_BLOCKS_MIN ? blocks - last : blocks;
}

export function groupsOf(blocks: number): number {
  return Math.ceil(blocks / GROUP_BLOCKS);
}

export function descriptorBlocksOf(groups: number): number {
  return Math.ceil((groups * DESCRIPTOR_BYTES) / BLOCK_BYTES);
}

/** Allocates the blocks of the front in order. In large file systems it skips backups of the superblock. */
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

/** Returns the whole chunks between the front, the backups and the end of the device. */
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
