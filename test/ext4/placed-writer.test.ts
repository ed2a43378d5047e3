import { expect, test } from "bun:test";
import { BLOCK_BYTES } from "../../src/disk/chunk.ts";
import { PlacedWriter } from "../../src/ext4/placed-writer.ts";
import { rangeOf } from "../../src/ext4/written-range.ts";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { PagedImage } from "../fakes/paged-image.ts";

test.each([
  ["neighbours", [3, 4, 5], [[3, 3]]],
  [
    "a gap",
    [3, 5],
    [
      [3, 1],
      [5, 1],
    ],
  ],
  [
    "a chunk's end",
    [254, 255, 256],
    [
      [254, 2],
      [256, 1],
    ],
  ],
  [
    "a step back",
    [9, 2],
    [
      [9, 1],
      [2, 1],
    ],
  ],
  ["nothing", [], []],
])("PlacedWriter writes %s", (_, blocks, want) => {
  const image = PagedImage.zeros(4 * MiB);
  const writer = new PlacedWriter(image.file());
  for (const block of blocks) writer.put(block, new Uint8Array(BLOCK_BYTES).fill(block + 1));
  const ranges = writer.finish();
  const inBlocks = ranges.map((range) => [
    range.offsetBytes / BLOCK_BYTES,
    range.sizeBytes / BLOCK_BYTES,
  ]);
  expect(inBlocks).toEqual(want);
  for (const { offsetBytes, sizeBytes, xxh3 } of ranges)
    expect(rangeOf(offsetBytes, readBlock(image.file(), offsetBytes, sizeBytes)).xxh3).toBe(xxh3);
});

test("PlacedWriter fills the rest of a block with zeros", () => {
  const image = PagedImage.zeros(4 * MiB);
  const writer = new PlacedWriter(image.file());
  writer.put(1, new Uint8Array(BLOCK_BYTES).fill(1));
  writer.put(9, Uint8Array.of(2));
  writer.finish();
  const [first, ...rest] = readBlock(image.file(), 9 * BLOCK_BYTES, BLOCK_BYTES);
  expect(first).toBe(2);
  expect(rest.every((byte) => byte === 0)).toBeTrue();
});
