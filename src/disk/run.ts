import { assert } from "../lib/assert.ts";
import { BLOCK_BYTES, CHUNK_BLOCKS } from "./chunk.ts";
import type { Range } from "./read-back.ts";

/** `blocks` blocks of 4096 bytes, from block `first` of the slot on. */
export type Run = readonly [first: number, blocks: number];

/**
 * Encodes ranges in a short form for the state. Neighbours are joined only where they meet at the border of a chunk, so
 * that rangesOf() returns the same ranges again.
 */
export function runsOf(ranges: readonly Range[]): Run[] {
  const runs: [number, number][] = [];
  for (const range of ranges.toSorted((one, other) => one.offsetBytes - other.offsetBytes)) {
    const [first, blocks] = blocksOf(range);
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === first && first % CHUNK_BLOCKS === 0)
      last[1] += blocks;
    else runs.push([first, blocks]);
  }
  return runs;
}

/** Returns the ranges of the runs, in ascending order. */
export function rangesOf(runs: readonly Run[]): Range[] {
  return runs.flatMap(([first, blocks]) => cut(first, first + blocks));
}

/** Returns the number of bytes in the runs. */
export function runBytes(runs: readonly Run[]): number {
  return runs.reduce((sum, [, blocks]) => sum + blocks * BLOCK_BYTES, 0);
}

function cut(first: number, end: number): Range[] {
  const ranges: Range[] = [];
  for (let at = first; at < end;) {
    const next = Math.min(end, (Math.floor(at / CHUNK_BLOCKS) + 1) * CHUNK_BLOCKS);
    ranges.push({ offsetBytes: at * BLOCK_BYTES, sizeBytes: (next - at) * BLOCK_BYTES });
    at = next;
  }
  return ranges;
}

function blocksOf({ offsetBytes, sizeBytes }: Range): Run {
  assert(
    offsetBytes % BLOCK_BYTES === 0 && sizeBytes % BLOCK_BYTES === 0 && sizeBytes > 0,
    `range ${offsetBytes}+${sizeBytes} is made of whole blocks`,
  );
  const run: Run = [offsetBytes / BLOCK_BYTES, sizeBytes / BLOCK_BYTES];
  assert(
    cut(run[0], run[0] + run[1]).length === 1,
    `range ${offsetBytes}+${sizeBytes} is in a chunk`,
  );
  return run;
}
