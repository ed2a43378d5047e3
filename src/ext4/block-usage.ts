import { assert, defined } from "../lib/assert.ts";
import type { BlockRun } from "./block.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { GROUP_BLOCKS } from "./block.ts";
import type { Ext4Geometry } from "./geometry.ts";
import { groupBlocks, hasSuperblock } from "./geometry.ts";

/**
 * Records which blocks are in use: first those of nodes, by mark(), then the fixed parts, by settle(). A group without
 * data has no bitmap, so that memory depends on the data and not on the device.
 */
export class BlockUsage {
  readonly #bitmaps: (Uint8Array | undefined)[] = [];
  readonly #used: number[] = [];
  #endBlock = 0;
  #geometry: Ext4Geometry | undefined;

  /** The block after the last marked one. */
  get endBlock(): number {
    return this.#endBlock;
  }

  get usedBlocks(): number {
    return this.#used.reduce((sum, used) => sum + used, 0);
  }

  freeIn(group: number): number {
    return groupBlocks(this.#settled(), group) - (this.#used[group] ?? 0);
  }

  /** Returns the block bitmap of `group`, or undefined when the bitmap may stay uninitialized. */
  bitmap(group: number): Uint8Array | undefined {
    return this.#bitmaps[group];
  }

  mark({ block, blocks }: BlockRun): void {
    assert(this.#geometry === undefined, "nodes are marked before the fixed parts");
    this.#mark({ block, blocks });
    this.#endBlock = Math.max(this.#endBlock, block + blocks);
  }

  /** Marks the fixed parts of `geometry`, in which all marked blocks lie. Nothing can be marked afterwards. */
  settle(geometry: Ext4Geometry): void {
    const { blocks, groups, inodeTableBlocks } = geometry;
    assert(this.#endBlock <= blocks, "blocks lie in the file system");
    this.#geometry = geometry;
    for (const block of geometry.blockBitmaps) this.#mark({ block, blocks: 1 });
    for (const block of geometry.inodeBitmaps) this.#mark({ block, blocks: 1 });
    for (const block of geometry.inodeTables) this.#mark({ block, blocks: inodeTableBlocks });
    // The last group needs a bitmap, because it must mark the blocks beyond the end of the device as used. The kernel
    // would do that itself, but e2fsck reports an error.
    const last = groupBlocks(geometry, groups - 1);
    setBits(this.#open(groups - 1), last, GROUP_BLOCKS - last);
    for (let group = 0; group < groups; group += 1) this.#markBackup(geometry, group);
  }

  #settled(): Ext4Geometry {
    return defined(this.#geometry, "settle() was called");
  }

  #mark({ block, blocks }: BlockRun): void {
    let at = block;
    const end = block + blocks;
    while (at < end) {
      const group = Math.floor(at / GROUP_BLOCKS);
      const start = at - group * GROUP_BLOCKS;
      const count = Math.min(end - at, GROUP_BLOCKS - start);
      assert(setBits(this.#open(group), start, count), "no block is used twice");
      this.#count(group, count);
      at += count;
    }
  }

  /** Marks the superblock of `group` and the descriptors behind it. They alone need no bitmap. */
  #markBackup({ descriptorBlocks }: Ext4Geometry, group: number): void {
    if (!hasSuperblock(group)) return;
    const bitmap = this.#bitmaps[group] ?? new Uint8Array(BLOCK_BYTES);
    assert(setBits(bitmap, 0, 1 + descriptorBlocks), "no block is used twice");
    this.#count(group, 1 + descriptorBlocks);
  }

  #count(group: number, blocks: number): void {
    this.#used[group] = (this.#used[group] ?? 0) + blocks;
  }

  #open(group: number): Uint8Array {
    const bitmap = this.#bitmaps[group] ?? new Uint8Array(BLOCK_BYTES);
    this.#bitmaps[group] = bitmap;
    return bitmap;
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
