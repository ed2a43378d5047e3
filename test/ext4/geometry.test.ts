import { expect, test } from "bun:test";
import fc from "fast-check";
import type { BlockRun } from "../../src/ext4/block.ts";
import { CHUNK_BLOCKS } from "../../src/disk/chunk.ts";
import { GROUP_BLOCKS } from "../../src/ext4/block.ts";
import type { Ext4Geometry } from "../../src/ext4/geometry.ts";
import { backupGroups, groupBlocks, hasSuperblock, planGeometry } from "../../src/ext4/geometry.ts";
import { GiB, KiB, MiB } from "../../src/lib/units.ts";

// blocks, groups, descriptor blocks, inodes per group
test.each([
  [4 * MiB, [1024, 1, 1, 256]],
  [4 * MiB + 4095, [1024, 1, 1, 256]],
  [128 * MiB, [32_768, 1, 1, 8192]],
  // The last group is too short for more than its backup superblock, so it is left out.
  [128 * MiB + 51 * 4 * KiB, [32_768, 1, 1, 8192]],
  [128 * MiB + 52 * 4 * KiB, [32_820, 2, 1, 4112]],
  [1 * GiB, [262_144, 8, 1, 8192]],
  [16 * GiB, [4_194_304, 128, 1, 8192]],
  [17 * GiB, [4_456_448, 136, 2, 8192]],
])("planGeometry(%d)", (sizeBytes, want) => {
  const { blocks, groups, descriptorBlocks, inodesPerGroup } = planGeometry(sizeBytes);
  expect([blocks, groups, descriptorBlocks, inodesPerGroup]).toEqual(want);
});

test.each([0, 4 * MiB - 1, 17 * 1024 * GiB])("planGeometry(%d) does not fit", (sizeBytes) => {
  expect(() => planGeometry(sizeBytes)).toThrow("Cannot plan a file system");
});

/** Returns all locations of a geometry as runs. */
function placesOf(geometry: Ext4Geometry): BlockRun[] {
  const { blockBitmaps, inodeBitmaps, inodeTables, inodeTableBlocks, runs, frontRest } = geometry;
  const backups = [0, ...backupGroups(geometry.groups)];
  return [
    ...backups.map((group) => ({
      block: group * GROUP_BLOCKS,
      blocks: 1 + geometry.descriptorBlocks,
    })),
    ...[...blockBitmaps, ...inodeBitmaps].map((block) => ({ block, blocks: 1 })),
    ...inodeTables.map((block) => ({ block, blocks: inodeTableBlocks })),
    ...runs.map(({ chunk, chunks }) => ({
      block: chunk * CHUNK_BLOCKS,
      blocks: chunks * CHUNK_BLOCKS,
    })),
    frontRest,
  ].filter(({ blocks }) => blocks > 0);
}

test("planGeometry() uses each block once", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1024, max: 3_000_000 }),
      fc.constantFrom(1, 40),
      (blocks, times) => {
        const geometry = planGeometry(blocks * times * 4096);
        let end = 0;
        for (const place of placesOf(geometry).toSorted((one, other) => one.block - other.block)) {
          expect(place.block).toBeGreaterThanOrEqual(end);
          end = place.block + place.blocks;
        }
        expect(end).toBeLessThanOrEqual(geometry.blocks);
        expect(geometry.inodeTables).toHaveLength(geometry.groups);
      },
    ),
    { numRuns: 60 },
  );
});

test("planGeometry() leaves only parts of chunks out of the runs", () => {
  const geometry = planGeometry(4 * GiB);
  const used = placesOf(geometry).reduce((sum, { blocks }) => sum + blocks, 0);
  expect(geometry.blocks - used).toBeLessThan(
    CHUNK_BLOCKS * (backupGroups(geometry.groups).length + 1),
  );
});

test("hasSuperblock() and backupGroups() agree", () => {
  const groups = Array.from({ length: 400 }, (_, group) => group);
  expect(backupGroups(400)).toEqual([1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343]);
  expect(groups.filter(hasSuperblock)).toEqual([0, ...backupGroups(400)]);
  expect(backupGroups(1)).toEqual([]);
});

test("groupBlocks() of the last group is the rest of the device", () => {
  const geometry = planGeometry(200 * MiB);
  expect([groupBlocks(geometry, 0), groupBlocks(geometry, 1)]).toEqual([32_768, 18_432]);
});
