import { expect, test } from "bun:test";
import fc from "fast-check";
import { CHUNK_BLOCKS } from "../../src/disk/chunk.ts";
import { fitGeometry } from "../../src/ext4/fit-geometry.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { GiB, MiB } from "../../src/lib/units.ts";

const WHOLE = planGeometry(4 * GiB);
const NEEDS = { endBlock: 20_000, lastInode: 100, freeBlocks: 1000, minimumBlocks: 0 };

test.each([
  ["free space behind the data", NEEDS, 21_248],
  ["the size that is asked for", { ...NEEDS, minimumBlocks: 30_000 }, 30_208],
  ["inodes", { ...NEEDS, lastInode: 8193 }, 32_768 + CHUNK_BLOCKS],
  ["a last group that is long enough", { ...NEEDS, endBlock: 31_768 }, 32_768],
  ["its own inode tables", { ...NEEDS, endBlock: 32 }, 1280],
])("fitGeometry() has room for %s", (_, needs, blocks) => {
  expect(fitGeometry(WHOLE, needs).blocks).toBe(blocks);
});

test("fitGeometry() keeps a geometry that cannot become smaller", () => {
  const needs = { ...NEEDS, endBlock: WHOLE.blocks - 1 };
  expect(fitGeometry(WHOLE, needs)).toBe(WHOLE);
  expect(fitGeometry(WHOLE, { ...NEEDS, minimumBlocks: WHOLE.blocks + 1 })).toBe(WHOLE);
});

test("fitGeometry() leaves everything in its place", () => {
  const size = fc.integer({ min: 4, max: 40_000 }).map((mebibytes) => mebibytes * MiB);
  fc.assert(
    fc.property(size, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(1000), (...drawn) => {
      const [sizeBytes, share, freeBlocks] = drawn;
      const whole = planGeometry(sizeBytes);
      const endBlock = Math.max(whole.frontRest.block, Math.floor(share * whole.blocks));
      const lastInode = 11;
      const fit = fitGeometry(whole, { endBlock, lastInode, freeBlocks, minimumBlocks: 0 });
      expect(fit.blocks).toBeLessThanOrEqual(whole.blocks);
      expect(fit.blocks).toBeGreaterThanOrEqual(Math.min(endBlock + freeBlocks, whole.blocks));
      expect(fit.inodeTables).toEqual(whole.inodeTables.slice(0, fit.groups));
      expect((fit.inodeTables.at(-1) ?? 0) + fit.inodeTableBlocks).toBeLessThanOrEqual(fit.blocks);
      expect(planGeometry(fit.blocks * 4096)).toMatchObject({
        blocks: fit.blocks,
        groups: fit.groups,
        descriptorBlocks: fit.descriptorBlocks,
      });
    }),
  );
});
