import { BLOCK_BYTES, CHUNK_BLOCKS } from "../disk/chunk.ts";
import { alignUp } from "../lib/units.ts";
import {
  descriptorBlocksOf,
  type Ext4Geometry,
  groupsOf,
  SIZE_BYTES_MIN,
  usableBlocks,
} from "./geometry.ts";

/** What the smaller file system must have room for. */
export interface FitNeeds {
  /** The block after the last one with data. */
  readonly endBlock: number;
  /** The number of the last inode. */
  readonly lastInode: number;
  /** Free blocks behind the data, at least. */
  readonly freeBlocks: number;
  /** The blocks of the file system, at least. */
  readonly minimumBlocks: number;
}

/**
 * Cuts off the end of a geometry that has data already: superblock, bitmaps and inode tables of the groups that remain
 * stay where they are, and those of the others become free space. Returns whole chunks, and never more than `geometry`.
 */
export function fitGeometry(geometry: Ext4Geometry, needs: FitNeeds): Ext4Geometry {
  const { inodesPerGroup, inodeTables, inodeTableBlocks } = geometry;
  const groupsMin = Math.ceil(needs.lastInode / inodesPerGroup);
  const minimumBlocks = Math.max(needs.minimumBlocks, SIZE_BYTES_MIN / BLOCK_BYTES);
  let blocks = Math.max(needs.endBlock + needs.freeBlocks, minimumBlocks);
  for (;;) {
    blocks = alignUp(blocks, CHUNK_BLOCKS);
    if (blocks >= geometry.blocks) return geometry;
    const groups = groupsOf(blocks);
    const tablesEnd = (inodeTables[groups - 1] ?? 0) + inodeTableBlocks;
    if (groups >= groupsMin && blocks >= tablesEnd && usableBlocks(blocks) === blocks)
      return withGroups(geometry, blocks, groups);
    blocks += CHUNK_BLOCKS;
  }
}

function withGroups(geometry: Ext4Geometry, blocks: number, groups: number): Ext4Geometry {
  const { blockBitmaps, inodeBitmaps, inodeTables, runs } = geometry;
  const endChunk = blocks / CHUNK_BLOCKS;
  return {
    ...geometry,
    blocks,
    groups,
    descriptorBlocks: descriptorBlocksOf(groups),
    blockBitmaps: blockBitmaps.slice(0, groups),
    inodeBitmaps: inodeBitmaps.slice(0, groups),
    inodeTables: inodeTables.slice(0, groups),
    runs: runs
      .filter(({ chunk }) => chunk < endChunk)
      .map(({ chunk, chunks }) => ({ chunk, chunks: Math.min(chunks, endChunk - chunk) })),
  };
}
