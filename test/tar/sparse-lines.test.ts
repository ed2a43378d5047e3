import { expect, test } from "bun:test";

import { SparseLines } from "../../src/tar/sparse-lines.ts";
import { SparseMap } from "../../src/tar/sparse.ts";

/** Reads lines block by block. `blocks` is the number of blocks read, or undefined when the map is not complete. */
function read(lines: string): { blocks: number | undefined; runs: SparseMap["runs"] } {
  const map = new SparseMap();
  const reader = new SparseLines(map);
  const bytes = Buffer.alloc(Math.ceil(lines.length / 512) * 512);
  bytes.write(lines);
  for (let at = 0; at < bytes.length; at += 512)
    if (reader.readBlock(bytes, at)) return { blocks: at / 512 + 1, runs: map.runs };
  return { blocks: undefined, runs: map.runs };
}

test("SparseLines reads a map and ignores the padding", () => {
  expect(read("2\n0\n512\n8192\n7\n")).toEqual({
    blocks: 1,
    runs: [
      { offsetBytes: 0, sizeBytes: 512 },
      { offsetBytes: 8192, sizeBytes: 7 },
    ],
  });
});

test("SparseLines reads a map without runs", () => {
  expect(read("0\n")).toEqual({ blocks: 1, runs: [] });
});

/** The count "51\n" has three bytes and each run ten: the 51st run crosses the end of the first block. */
test.each([50, 51, 52, 300])("SparseLines reads %i runs across the ends of blocks", (count) => {
  const lines = `${count}\n${"10000\n100\n".repeat(count)}`;
  const { blocks, runs } = read(lines);
  expect(blocks).toBe(Math.ceil(lines.length / 512));
  expect(runs).toHaveLength(count);
  expect(runs.at(-1)).toEqual({ offsetBytes: 10_000, sizeBytes: 100 });
});

test("SparseLines asks for more blocks while lines are missing", () => {
  expect(read(`100\n${"1234\n123\n".repeat(57)}`.slice(0, 512)).blocks).toBeUndefined();
});

test.each(["\n", "x\n", "1\n-1\n", "1\n1 \n", "11111111111111111", "1\n\0"])(
  "SparseLines refuses %p",
  (lines) => {
    expect(() => read(lines)).toThrow("sparse map");
  },
);
