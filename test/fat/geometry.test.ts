import { expect, test } from "bun:test";
import { readGeometry } from "../../src/fat/geometry.ts";
import { FAT_BYTES, fatImage } from "../fakes/fat-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";

test("readGeometry() of a FAT32", () => {
  expect(readGeometry(fatImage(32).file())).toEqual({
    bits: 32,
    sectorBytes: 512,
    clusterBytes: 512,
    tableOffsets: [16_384, 82_432],
    tableBytes: 66_048,
    clusters: 16_094,
    dataOffsetBytes: 148_480,
    root: { cluster: 2 },
    infoOffsetBytes: 512,
  });
});

test("readGeometry() of a FAT16 has a root at a fixed offset", () => {
  expect(readGeometry(fatImage(16).file())).toMatchObject({
    bits: 16,
    root: { offsetBytes: 34_304, sizeBytes: 16_384 },
    infoOffsetBytes: undefined,
  });
});

/** Offset, new bytes, message. */
const FLAWS = [
  [510, [0, 0], "no boot sector signature"],
  [11, [0, 3], "its sectors have 768 bytes"],
  [13, [3], "its clusters have 3 sectors"],
  [13, [0], "its clusters have 0 sectors"],
  [14, [0, 0], "tables after 0 sectors"],
  [16, [3], "it has 3 tables"],
  [36, [0, 0, 0, 0], "its table has 0 sectors"],
  [36, [255, 255, 255, 0], "its table has 16777215 sectors"],
  [36, [10, 0, 0, 0], "has no room for"],
  [32, [255, 255, 255, 0], "more than the"],
  [40, [0x80, 0], "its tables are not kept alike"],
  [42, [1, 0], "an unknown version"],
  [44, [1, 0, 0, 0], "its root is at cluster 1"],
] as const;

test.each(FLAWS)("readGeometry() with byte %i changed to %j refuses: %s", (at, bytes, why) => {
  const image = fatImage(32);
  image.write(at, Uint8Array.from(bytes));
  expect(() => readGeometry(image.file())).toThrow(why);
});

test("readGeometry() refuses a FAT12 and too small a device", () => {
  const small = fatImage(16, FAT_BYTES / 4);
  expect(() => readGeometry(small.file())).toThrow("it is a FAT12");
  expect(() => readGeometry(PagedImage.zeros(100).file())).toThrow("it has only 100 bytes");
});

test("readGeometry() ignores an FSInfo without its signatures", () => {
  const image = fatImage(32);
  image.write(512, new Uint8Array(512));
  expect(readGeometry(image.file()).infoOffsetBytes).toBeUndefined();
});
