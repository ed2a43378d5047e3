import { expect, test } from "bun:test";
import { readGeometry } from "../../src/fat/geometry.ts";
import { FatTable, consecutiveRuns } from "../../src/fat/table.ts";
import { fatImage } from "../fakes/fat-image.ts";
import type { PagedImage } from "../fakes/paged-image.ts";

const tableOf = (image: PagedImage): FatTable =>
  new FatTable(image.file(), readGeometry(image.file()));

test.each([16, 32] as const)(
  "FatTable.save() writes a chain to both copies of a FAT%i",
  async (bits) => {
    const image = fatImage(bits);
    const table = tableOf(image);
    table.link([5, 9, 7]);
    await table.save();
    expect(tableOf(image).chainFrom(5, "x")).toEqual([5, 9, 7]);
    const { tableOffsets, tableBytes } = readGeometry(image.file());
    const [first, second] = tableOffsets.map((at) => image.bytes().subarray(at, at + tableBytes));
    expect(Buffer.compare(first ?? new Uint8Array(), second ?? new Uint8Array())).toBe(0);
  },
);

test("findFree() prefers consecutive clusters", () => {
  const table = tableOf(fatImage(16));
  table.link([4, 5, 9]);
  expect(table.findFree(3)).toEqual([6, 7, 8]);
  expect(table.findFree(2)).toEqual([2, 3]);
  const all = table.freeClusters;
  expect(table.findFree(all)?.slice(0, 3)).toEqual([2, 3, 6]);
  expect(table.findFree(all + 1)).toBeUndefined();
  expect(table.findFree(0)).toEqual([]);
});

test.each([
  [
    "an endless chain",
    [
      [5, 6],
      [6, 5],
    ],
    "comes",
  ],
  ["a chain that runs into nothing", [[5, 0]], "after 1 of them comes 0"],
  ["a chain that leaves the file system", [[5, 60_000]], "after 1 of them comes 60000"],
  ["a bad cluster", [[5, 0xfff7]], "after 1 of them comes 65527"],
] as const)("chainFrom() refuses %s", (_, links, why) => {
  const image = fatImage(16);
  const [first = 0] = readGeometry(image.file()).tableOffsets;
  for (const [cluster, next] of links)
    image.write(first + cluster * 2, new Uint8Array(Uint16Array.of(next).buffer));
  expect(() => tableOf(image).chainFrom(5, "/x")).toThrow(why);
});

test("lost() returns the used clusters that no file has", () => {
  const table = tableOf(fatImage(16));
  table.link([4, 5]);
  table.link([8]);
  expect(table.lost(new Set([4, 5]))).toEqual([8]);
  table.free([8]);
  expect(table.lost(new Set([4, 5]))).toEqual([]);
});

test("link() and free() keep the upper bits of a FAT32 entry", async () => {
  const image = fatImage(32);
  const [first = 0] = readGeometry(image.file()).tableOffsets;
  image.write(first + 5 * 4, Uint8Array.of(0, 0, 0, 0xa0));
  const table = tableOf(image);
  expect(table.findFree(4)).toEqual([3, 4, 5, 6]);
  table.link([5, 6]);
  await table.save();
  expect([...image.bytes().subarray(first + 20, first + 24)]).toEqual([6, 0, 0, 0xa0]);
});

test("consecutiveRuns() joins consecutive numbers", () => {
  expect(consecutiveRuns([2, 3, 4, 9, 7, 8])).toEqual([
    { first: 2, count: 3 },
    { first: 9, count: 1 },
    { first: 7, count: 2 },
  ]);
});
