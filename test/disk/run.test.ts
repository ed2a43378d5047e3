import { expect, test } from "bun:test";
import fc from "fast-check";
import { rangesOf, runBytes, runsOf, type Run } from "../../src/disk/run.ts";
import { MiB } from "../../src/lib/units.ts";

const K4 = 4096;
const range = (
  offsetBytes: number,
  sizeBytes: number,
): { offsetBytes: number; sizeBytes: number } => ({
  offsetBytes,
  sizeBytes,
});

test.each([
  ["nothing", [], []],
  ["one block", [range(K4, K4)], [[1, 1]]],
  ["neighbours at a chunk border", [range(MiB - K4, K4), range(MiB, MiB)], [[255, 257]]],
  [
    "neighbours within a chunk",
    [range(0, K4), range(K4, K4)],
    [
      [0, 1],
      [1, 1],
    ],
  ],
  [
    "a gap",
    [range(0, MiB), range(MiB + K4, K4)],
    [
      [0, 256],
      [257, 1],
    ],
  ],
  ["disorder", [range(MiB, MiB), range(0, MiB)], [[0, 512]]],
] as const)("runsOf(%s) is short, and rangesOf() reverses it", (_, ranges, runs) => {
  expect(runsOf(ranges)).toEqual(runs.map((run) => [...run]));
  expect(rangesOf(runs)).toEqual(
    ranges.toSorted((one, other) => one.offsetBytes - other.offsetBytes),
  );
});

test.each([
  ["part of a block", range(0, 100)],
  ["an odd offset", range(1, K4)],
  ["nothing", range(0, 0)],
  ["two chunks", range(MiB - K4, 2 * K4)],
])("runsOf() throws for a range of %s", (_, wrong) => {
  expect(() => runsOf([wrong])).toThrow("Assertion failed");
});

test("rangesOf() reverses runsOf() for any ranges", () => {
  const gaps = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 700 })), { maxLength: 40 });
  fc.assert(
    fc.property(gaps, (steps) => {
      const runs: Run[] = [];
      let at = 0;
      for (const [gap, blocks] of steps) {
        runs.push([at + gap, blocks]);
        at += gap + blocks;
      }
      const ranges = rangesOf(runs);
      expect(rangesOf(runsOf(ranges))).toEqual(ranges);
      expect(runBytes(runsOf(ranges))).toBe(
        ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      );
    }),
  );
});
