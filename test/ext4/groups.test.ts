import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import { BlockUsage } from "../../src/ext4/block-usage.ts";
import { crc32c } from "../../src/ext4/checksum.ts";
import { writeGroups } from "../../src/ext4/groups.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { PlacedWriter } from "../../src/ext4/placed-writer.ts";
import { MiB } from "../../src/lib/units.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { PagedImage } from "../fakes/paged-image.ts";

const SEED = 3;
/** Four groups of 8192 inodes. */
const GEOMETRY = planGeometry(512 * MiB);

interface Written {
  readonly file: BlockFile;
  readonly table: Uint8Array;
  readonly blocks: readonly number[];
}

function write(lastInode: number): Written {
  const file = PagedImage.zeros(512 * MiB).file();
  const writer = new PlacedWriter(file);
  const directories = [2, 1, 0, 0];
  const usage = new BlockUsage();
  usage.settle(GEOMETRY);
  const table = writeGroups(writer, {
    geometry: GEOMETRY,
    usage,
    lastInode,
    directories,
    checksumSeed: SEED,
    checksums: "metadata",
    uuid: new Uint8Array(16),
  });
  const blocks = writer
    .finish()
    .flatMap(({ offsetBytes, sizeBytes }) =>
      Array.from({ length: sizeBytes / 4096 }, (_, index) => offsetBytes / 4096 + index),
    );
  return { file, table, blocks };
}

const field = ({ table }: Written, offset: number): number[] =>
  [0, 1, 2, 3].map((group) => viewOf(table).getUint16(group * 32 + offset, true));

test("writeGroups() writes only bitmaps with bits set", () => {
  const [block0, , , block3] = GEOMETRY.blockBitmaps;
  const [inode0, inode1] = GEOMETRY.inodeBitmaps;
  expect(write(8200).blocks).toEqual([block0, block3, inode0, inode1].map(Number));
});

test("writeGroups() stores the counts of each group", () => {
  const written = write(8200);
  expect(field(written, 0x0e)).toEqual([0, 8184, 8192, 8192]);
  expect(field(written, 0x10)).toEqual([2, 1, 0, 0]);
  expect(field(written, 0x1c)).toEqual([0, 8184, 8192, 8192]);
  // Bit 0: inodes uninitialized, bit 1: blocks uninitialized.
  expect(field(written, 0x12)).toEqual([0, 2, 3, 1]);
  expect(field(written, 0x0c).slice(1)).toEqual([32_766, 32_768, 32_766]);
});

test("writeGroups() marks used inodes in order, and the bits beyond a group's inodes", () => {
  const written = write(8200);
  const bitmap = readBlock(written.file, (GEOMETRY.inodeBitmaps[1] ?? 0) * 4096, 4096);
  expect([bitmap[0], bitmap[1], bitmap[1023], bitmap[1024], bitmap[4095]]).toEqual([
    255, 0, 0, 255, 255,
  ]);
  expect(field(written, 0x1a)[1]).toBe(crc32c(SEED, bitmap.subarray(0, 1024)) & 0xffff);
});
