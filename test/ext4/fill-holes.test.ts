import { expect, test } from "bun:test";
import { fillHoles, hasHoles } from "../../src/ext4/fill-holes.ts";
import { readFile } from "../../src/ext4/read.ts";
import { MiB } from "../../src/lib/units.ts";
import { Ext4Image } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";

const PIECE = new Uint8Array(4096).fill(7);

// Size, offsets of data, number of filled blocks.
test.each<[string, number, number[], number]>([
  ["nothing", 0, [], 0],
  ["a file without holes", 8192, [0, 4096], 0],
  ["a hole at the start", 20_000, [8192, 12_288, 16_384], 2],
  ["a hole at the end", 20_000, [0], 4],
  ["holes on all sides", 100_000, [8192, 40_960], 23],
  ["all of a file", 3 * MiB + 1, [], 769],
])("fillHoles() of %s", (...[, sizeBytes, offsets, blocks]) => {
  const paged = PagedImage.of(new Uint8Array(16 * MiB).fill(0xa5));
  const image = new Ext4Image(paged.file());
  const runs = offsets.map((at) => {
    const piece = PIECE.subarray(0, Math.min(4096, sizeBytes - at));
    return [at, piece] as const;
  });
  const node = image.sparseFile(sizeBytes, runs);
  const before = node.extents.reduce((sum, extent) => sum + extent.blocks, 0);
  expect(hasHoles(node)).toBe(blocks > 0);
  fillHoles(node, image.data);
  image.data.finish();
  expect(hasHoles(node)).toBe(false);
  const after = node.extents.reduce((sum, extent) => sum + extent.blocks, 0);
  expect(after - before).toBe(blocks);
  let end = 0;
  for (const extent of node.extents) {
    expect(extent.logicalBlock).toBe(end);
    end += extent.blocks;
  }
  const want = new Uint8Array(sizeBytes);
  for (const [at, piece] of runs) want.set(piece, at);
  expect(Buffer.compare(readFile(paged.file(), node), want)).toBe(0);
});

test('fillHoles() throws "no-space" when the zeros do not fit', () => {
  const image = new Ext4Image(PagedImage.zeros(8 * MiB).file());
  const node = image.sparseFile(2 ** 40, []);
  expect(() => fillHoles(node, image.data)).toThrow(
    "Cannot place 1.0 TiB more in the file system: 7.0 MiB of its 7.0 MiB are left",
  );
});
