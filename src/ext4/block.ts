import { BLOCK_BYTES } from "../disk/chunk.ts";

/** A group has as many blocks as one bitmap block has bits. */
export const GROUP_BLOCKS = BLOCK_BYTES * 8;

/** A run of blocks on the device. */
export interface BlockRun {
  readonly block: number;
  readonly blocks: number;
}
