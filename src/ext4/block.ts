import { MiB } from "../lib/units.ts";

/** Everything in an ext4 of ours is counted in blocks of this size. */
export const BLOCK_BYTES = 4096;
/** The unit of placing, hashing and writing data. Chunks are aligned on the device. */
export const CHUNK_BYTES = MiB;
export const CHUNK_BLOCKS = CHUNK_BYTES / BLOCK_BYTES;
/** One bitmap block has a bit for each block of its group. */
export const GROUP_BLOCKS = BLOCK_BYTES * 8;

/** A run of blocks on the device. */
export interface BlockRun {
  readonly block: number;
  readonly blocks: number;
}
