import { expect, test } from "bun:test";
import fc from "fast-check";
import { BlockUsage, setBits } from "../../src/ext4/block-usage.ts";
import type { BlockRun } from "../../src/ext4/block.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { GiB, MiB } from "../../src/lib/units.ts";

test("setBits() sets the given bits and returns whether all were clear", () => {
  const place = fc.tuple(fc.nat(70), fc.nat(30));
  fc.assert(
    fc.property(fc.array(place, { maxLength: 5 }), (places) => {
      const bitmap = new Uint8Array(13);
      const model = new Set<number>();
      for (const [start, count] of places) {
        const bits = Array.from({ length: count }, (_, index) => start + index);
        expect(setBits(bitmap, start, count)).toBe(!bits.some((bit) => model.has(bit)));
        for (const bit of bits) model.add(bit);
      }
      const got = [...bitmap].flatMap((byte, at) =>
        Array.from({ length: 8 }, (_, bit) => at * 8 + bit).filter(
          (bit) => byte & (1 << (bit % 8)),
        ),
      );
      expect(got).toEqual([...model].toSorted((one, other) => one - other));
    }),
  );
});

/** The usage of a file system with these runs of data. */
function usageOf(sizeBytes: number, ...runs: readonly BlockRun[]): BlockUsage {
  const usage = new BlockUsage();
  for (const run of runs) usage.mark(run);
  usage.settle(planGeometry(sizeBytes));
  return usage;
}

test("BlockUsage of an empty file system has the fixed parts", () => {
  const usage = usageOf(4 * MiB);
  // Superblock, descriptors, two bitmaps, 16 blocks of inodes.
  expect(usage.usedBlocks).toBe(20);
  expect(usage.freeIn(0)).toBe(1004);
  const bitmap = usage.bitmap(0) ?? new Uint8Array(0);
  expect([...bitmap.subarray(0, 4)]).toEqual([0xff, 0xff, 0x0f, 0]);
  expect([bitmap[127], bitmap[128], bitmap[4095]]).toEqual([0, 0xff, 0xff]);
});

test("BlockUsage has no bitmaps for empty groups, except for the last group", () => {
  const groups = Array.from({ length: 8 }, (_, group) => group);
  const empty = usageOf(1 * GiB);
  expect(groups.filter((group) => empty.bitmap(group) !== undefined)).toEqual([0, 7]);
  const usage = usageOf(1 * GiB, { block: 3 * 32_768 - 1, blocks: 1 });
  expect(usage.endBlock).toBe(3 * 32_768);
  expect(groups.filter((group) => usage.bitmap(group) !== undefined)).toEqual([0, 2, 7]);
  // Groups 1 and 3 have backups of two blocks.
  expect(groups.slice(1, 5).map((group) => usage.freeIn(group))).toEqual([
    32_766, 32_767, 32_766, 32_768,
  ]);
});

test("BlockUsage marks a run that crosses groups", () => {
  const usage = usageOf(1 * GiB, { block: 2 * 32_768 - 10, blocks: 20 });
  expect([usage.freeIn(1), usage.freeIn(2)]).toEqual([32_766 - 10, 32_768 - 10]);
  expect(usage.usedBlocks).toBe(usageOf(1 * GiB).usedBlocks + 20);
});

test.each([
  ["twice", { block: 3, blocks: 1 }, "no block is used twice"],
  ["in a backup", { block: 32_768, blocks: 1 }, "no block is used twice"],
  ["behind the end", { block: 65_535, blocks: 2 }, "blocks lie in the file system"],
])("BlockUsage throws for a block used %s", (_, run, why) => {
  expect(() => usageOf(256 * MiB, run)).toThrow(why);
});

test("BlockUsage throws for data that overlaps, and for data after the fixed parts", () => {
  const run = { block: 4000, blocks: 2 };
  expect(() => usageOf(256 * MiB, run, run)).toThrow("no block is used twice");
  expect(() => usageOf(256 * MiB).mark(run)).toThrow("nodes are marked before the fixed parts");
});
