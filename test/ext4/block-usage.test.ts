import { expect, test } from "bun:test";
import fc from "fast-check";
import { BlockUsage, setBits } from "../../src/ext4/block-usage.ts";
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

test("BlockUsage starts with the fixed parts", () => {
  const usage = new BlockUsage(planGeometry(4 * MiB));
  // Superblock, descriptors, two bitmaps, 16 blocks of inodes.
  expect(usage.usedBlocks).toBe(20);
  expect(usage.freeIn(0)).toBe(1004);
  const bitmap = usage.bitmap(0) ?? new Uint8Array(0);
  expect([...bitmap.subarray(0, 4)]).toEqual([0xff, 0xff, 0x0f, 0]);
  expect([bitmap[127], bitmap[128], bitmap[4095]]).toEqual([0, 0xff, 0xff]);
});

test("BlockUsage has no bitmaps for empty groups, except for the last group", () => {
  const usage = new BlockUsage(planGeometry(1 * GiB));
  const groups = Array.from({ length: 8 }, (_, group) => group);
  expect(groups.filter((group) => usage.bitmap(group) !== undefined)).toEqual([0, 7]);
  usage.mark({ block: 3 * 32_768 - 1, blocks: 1 });
  expect(groups.filter((group) => usage.bitmap(group) !== undefined)).toEqual([0, 2, 7]);
  // Groups 1 and 3 have backups of two blocks.
  expect(groups.slice(1, 5).map((group) => usage.freeIn(group))).toEqual([
    32_766, 32_767, 32_766, 32_768,
  ]);
});

test("BlockUsage marks a run that crosses groups", () => {
  const usage = new BlockUsage(planGeometry(1 * GiB));
  const before = usage.usedBlocks;
  usage.mark({ block: 2 * 32_768 - 10, blocks: 20 });
  expect([usage.freeIn(1), usage.freeIn(2)]).toEqual([32_766 - 10, 32_768 - 10]);
  expect(usage.usedBlocks).toBe(before + 20);
});

test.each([
  ["twice", { block: 3, blocks: 1 }, "no block is used twice"],
  ["in a backup", { block: 32_768, blocks: 1 }, "no block is used twice"],
  ["behind the end", { block: 65_535, blocks: 2 }, "blocks lie in the file system"],
])("BlockUsage.mark() throws for a block used %s", (_, run, why) => {
  const usage = new BlockUsage(planGeometry(256 * MiB));
  expect(() => usage.mark(run)).toThrow(why);
});
