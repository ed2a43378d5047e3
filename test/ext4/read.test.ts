import { expect, test } from "bun:test";
import { readFile } from "../../src/ext4/read.ts";
import { MiB } from "../../src/lib/units.ts";
import { Ext4Image, fileAt } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";

test.each(["", "root=LABEL=x quiet", "x".repeat(4096), "y".repeat(2 * MiB + 1)])(
  "readFile() of %.20s…",
  (text) => {
    const image = new Ext4Image(PagedImage.zeros(8 * MiB).file());
    const node = image.file(text);
    image.data.finish();
    expect(Buffer.from(readFile(image.target, node)).toString()).toBe(text);
  },
);

test.each([0, 1, 4095, 4096, 4097, 2 * MiB, 2 * MiB + 2])(
  "readFile() of the first %i bytes",
  (bytesMax) => {
    const image = new Ext4Image(PagedImage.zeros(8 * MiB).file());
    const text = "0123456789abcdef".repeat(128 * 1024) + "x";
    const node = image.file(text);
    image.data.finish();
    const read = readFile(image.target, node, bytesMax);
    expect(Buffer.from(read).equals(Buffer.from(text).subarray(0, bytesMax))).toBe(true);
  },
);

test("readFile() refuses too large a file", () => {
  const image = PagedImage.zeros(4 * MiB).file();
  expect(() => readFile(image, fileAt(16 * MiB + 1, []))).toThrow(
    "Cannot read a file of 16.0 MiB whole",
  );
});
