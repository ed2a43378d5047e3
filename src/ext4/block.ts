import { BLOCK_BYTES } from "../disk/chunk.ts";

/** One bitmap block has a bit for each block of its group. */
export const GROUP_BLOCKS = BLOCK_BYTES * 8;

/** A run of blocks on the device. */
export interface BlockRun {
  readonly block: number;
  readonly blocks: number;
}
