import { expect, test } from "bun:test";
import { InodeTable } from "../../src/ext4/inode-table.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { PlacedWriter } from "../../src/ext4/placed-writer.ts";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { PagedImage } from "../fakes/paged-image.ts";

/** 8192 inodes in each of two groups. */
const GEOMETRY = planGeometry(256 * MiB);
const [first = 0, second = 0] = GEOMETRY.inodeTables;

test.each([
  [1, first * 4096],
  [2, first * 4096 + 256],
  [16, first * 4096 + 15 * 256],
  [17, first * 4096 + 16 * 256],
  [8192, first * 4096 + 8191 * 256],
  [8193, second * 4096],
])("InodeTable puts inode %d at its offset", (inode, offsetBytes) => {
  const file = PagedImage.zeros(256 * MiB).file();
  const writer = new PlacedWriter(file);
  const table = new InodeTable(GEOMETRY, writer);
  table.put(inode, new Uint8Array(256).fill(7));
  table.finish();
  writer.finish();
  expect(readBlock(file, offsetBytes, 256)).toEqual(new Uint8Array(256).fill(7));
});

test("InodeTable writes each block once, with zeros in the place of missing inodes", () => {
  const file = PagedImage.zeros(256 * MiB).file();
  const writer = new PlacedWriter(file);
  const table = new InodeTable(GEOMETRY, writer);
  for (const inode of [2, 11, 12, 40]) table.put(inode, new Uint8Array(256).fill(inode));
  table.finish();
  const sizes = writer
    .finish()
    .map(({ offsetBytes, sizeBytes }) => [offsetBytes / 4096 - first, sizeBytes]);
  expect(sizes).toEqual([
    [0, 4096],
    [2, 4096],
  ]);
  const marks = Array.from(
    { length: 48 },
    (_, index) => readBlock(file, first * 4096 + index * 256, 1)[0],
  );
  expect(marks.flatMap((mark, index) => (mark === 0 ? [] : [index + 1]))).toEqual([2, 11, 12, 40]);
});
