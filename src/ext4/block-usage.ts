import { assert } from "../lib/assert.ts";
import type { BlockRun } from "./block.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { GROUP_BLOCKS } from "./block.ts";
import type { Ext4Geometry } from "./geometry.ts";
import { groupBlocks, hasSuperblock } from "./geometry.ts";

/**
 * Records which blocks are in use. A group without data has no bitmap, so that memory depends on the data and not on
 * the device.
 */
export class BlockUsage {
  readonly #geometry: Ext4Geometry;
  readonly #bitmaps: (Uint8Array | undefined)[];
  readonly #used: number[];

  /** Marks the fixed parts of `geometry` as used. */
  constructor(geometry: Ext4Geometry) {
    this.#geometry = geometry;
    this.#bitmaps = Array.from({ length: geometry.groups });
    this.#used = Array.from({ length: geometry.groups }, (_, group) => this.#backupBlocks(group));
    for (const block of geometry.blockBitmaps) this.mark({ block, blocks: 1 });
    for (const block of geometry.inodeBitmaps) this.mark({ block, blocks: 1 });
    for (const block of geometry.inodeTables)
      this.mark({ block, blocks: geometry.inodeTableBlocks });
  }

  get usedBlocks(): number {
    return this.#used.reduce((sum, used) => sum + used, 0);
  }

  freeIn(group: number): number {
    return groupBlocks(this.#geometry, group) - (this.#used[group] ?? 0);
  }

  /** Returns the block bitmap of `group`, or undefined when the bitmap may stay uninitialized. */
  bitmap(group: number): Uint8Array | undefined {
    // The last group needs a bitmap, because it must mark the blocks beyond the end of the device as used. The kernel
    // would do that itself, but e2fsck reports an error.
    if (group === this.#geometry.groups - 1) return this.#open(group);
    return this.#bitmaps[group];
  }

  mark({ block, blocks }: BlockRun): void {
    assert(block + blocks <= this.#geometry.blocks, "blocks lie in the file system");
    let at = block;
    const end = block + blocks;
    while (at < end) {
      const group = Math.floor(at / GROUP_BLOCKS);
      const start = at - group * GROUP_BLOCKS;
      const count = Math.min(end - at, GROUP_BLOCKS - start);
      assert(setBits(this.#open(group), start, count), "no block is used twice");
      this.#used[group] = (this.#used[group] ?? 0) + count;
      at += count;
    }
  }

  #open(group: number): Uint8Array {
    const open = this.#bitmaps[group];
    if (open !== undefined) return open;
    const bitmap = new Uint8Array(BLOCK_BYTES);
    const blocks = groupBlocks(this.#geometry, group);
    setBits(bitmap, 0, this.#backupBlocks(group));
    setBits(bitmap, blocks, GROUP_BLOCKS - blocks);
    this.#bitmaps[group] = bitmap;
    return bitmap;
  }

  #backupBlocks(group: number): number {
    return hasSuperblock(group) ? 1 + this.#geometry.descriptorBlocks : 0;
  }
}

/** Sets `count` bits from `start` on. Returns whether all of them were clear. */
export function setBits(bitmap: Uint8Array, start: number, count: number): boolean {
  const end = start + count;
  const wholeStart = Math.min(end, Math.ceil(start / 8) * 8);
  const wholeEnd = Math.max(wholeStart, Math.floor(end / 8) * 8);
  const isHeadClear = setEach(bitmap, start, wholeStart);
  const isWholeClear = setWhole(bitmap, wholeStart / 8, wholeEnd / 8);
  const isTailClear = setEach(bitmap, wholeEnd, end);
  return isHeadClear && isWholeClear && isTailClear;
}

function setWhole(bitmap: Uint8Array, start: number, end: number): boolean {
  let clear = true;
  for (let at = start; at < end; at += 1) {
    if (bitmap[at] !== 0) clear = false;
    bitmap[at] = 0xff;
  }
  return clear;
}

function setEach(bitmap: Uint8Array, start: number, end: number): boolean {
  let clear = true;
  for (let bit = start; bit < end; bit += 1) {
    const at = Math.floor(bit / 8);
    const before = bitmap[at] ?? 0;
    const mask = 1 << (bit % 8);
    if ((before & mask) !== 0) clear = false;
    bitmap[at] = before | mask;
  }
  return clear;
}
