import { assert } from "../lib/assert.ts";
import { KiB, MiB } from "../lib/units.ts";
import type { Range } from "./read-back.ts";

/** `blocks` blocks of 4096 bytes from block `first` on, counted from the start of the slot. */
export type Run = readonly [first: number, blocks: number];

const BLOCK_BYTES = 4 * KiB;
/** Ranges never cross a multiple of this. */
const CHUNK_BLOCKS = MiB / BLOCK_BYTES;

/**
 * The place of each range, short enough for the state: neighbours become one run where they meet at a chunk border. Where they meet
 * elsewhere they stay apart, so rangesOf() gives back the same ranges.
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

/** The ranges behind the runs, ascending. */
export function rangesOf(runs: readonly Run[]): Range[] {
  return runs.flatMap(([first, blocks]) => cut(first, first + blocks));
}

/** How many bytes the runs cover. */
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
