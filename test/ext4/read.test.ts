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

test("readFile() refuses what is too large to hold", () => {
  const image = PagedImage.zeros(4 * MiB).file();
  expect(() => readFile(image, fileAt(16 * MiB + 1, []))).toThrow(
    "Cannot read a file of 16.0 MiB whole",
  );
});
