import { expect, test } from "bun:test";
import { type BlockFile, part, readBlock } from "../../src/system/block-file.ts";
import { PagedImage } from "../fakes/paged-image.ts";

const RANGE = { name: "the part", offsetBytes: 100, sizeBytes: 50 };

function disk(): { image: PagedImage; file: BlockFile; calls: string[] } {
  const image = PagedImage.of(Uint8Array.from({ length: 200 }, (_, index) => index));
  const calls: string[] = [];
  const file = {
    ...image.file("the disk"),
    flush: () => {
      calls.push("flush");
      return Promise.resolve();
    },
    dropCache: (offsetBytes: number, sizeBytes: number) => {
      calls.push(`drop ${offsetBytes}+${sizeBytes}`);
    },
    close: () => void calls.push("close"),
  };
  return { image, file, calls };
}

test("part() has its own name, size and offsets", async () => {
  const { image, file, calls } = disk();
  const inner = part(file, RANGE);
  expect([inner.name, inner.sizeBytes]).toEqual(["the part", 50]);
  expect([...readBlock(inner, 7, 3)]).toEqual([107, 108, 109]);
  const later = new Uint8Array(2);
  await inner.read(8, later);
  expect([...later]).toEqual([108, 109]);
  await expect(inner.read(49, later)).rejects.toThrow("Cannot access the part at 49+2");
  inner.write(49, Uint8Array.of(1));
  expect(image.bytes()[149]).toBe(1);
  inner.dropCache(10, 40);
  await inner.flush();
  inner.close();
  expect(calls).toEqual(["drop 110+40", "flush"]);
});

test.each([
  ["read behind the end", (file: BlockFile) => file.readInto(49, new Uint8Array(2))],
  ["read before the start", (file: BlockFile) => file.readInto(-1, new Uint8Array(1))],
  ["write behind the end", (file: BlockFile) => file.write(50, new Uint8Array(1))],
  ["write before the start", (file: BlockFile) => file.write(-1, new Uint8Array(1))],
  ["drop behind the end", (file: BlockFile) => file.dropCache(0, 51)],
  ["drop less than nothing", (file: BlockFile) => file.dropCache(10, -1)],
])("part() does not allow to %s", (_, access) => {
  const { image, file, calls } = disk();
  const before = image.bytes();
  expect(() => access(part(file, RANGE))).toThrow(/^Cannot access the part at .*: it has 50 bytes/);
  expect(image.bytes()).toEqual(before);
  expect(calls).toEqual([]);
});

test("part() reads and writes its last byte", () => {
  const inner = part(disk().file, RANGE);
  expect(readBlock(inner, 0, 50)).toHaveLength(50);
  inner.write(0, new Uint8Array(50));
  inner.write(50, new Uint8Array(0));
});
