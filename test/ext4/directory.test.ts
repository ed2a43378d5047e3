import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import type { DirectoryEntry } from "../../src/ext4/directory.ts";
import { encodeDirectory, encodeLeaf, fitsOneBlock } from "../../src/ext4/directory.ts";
import { crc32c } from "../../src/ext4/checksum.ts";
import { byteStringOf } from "../../src/lib/byte-string.ts";
import { readEntries } from "../fakes/directory-block.ts";

const SEED = 99;
const entry = (
  name: string,
  inode: number,
  kind: DirectoryEntry["kind"] = "file",
): DirectoryEntry => ({
  name: byteStringOf(name),
  inode,
  kind,
});
const content = (entries: readonly DirectoryEntry[]) => ({ inode: 12, parent: 2, entries });

test("encodeDirectory() lists the directory, its parent and its entries", () => {
  const kinds = ["file", "directory", "character", "block", "fifo", "symlink"] as const;
  const entries = kinds.map((kind, index) => entry(kind, 20 + index, kind));
  expect(readEntries(encodeDirectory(content(entries), SEED))).toEqual([
    { name: ".", inode: 12, type: 2 },
    { name: "..", inode: 2, type: 2 },
    { name: "file", inode: 20, type: 1 },
    { name: "directory", inode: 21, type: 2 },
    { name: "character", inode: 22, type: 3 },
    { name: "block", inode: 23, type: 4 },
    { name: "fifo", inode: 24, type: 5 },
    { name: "symlink", inode: 25, type: 7 },
  ]);
});

// 4084 bytes minus 24 for "." and "..": 253 records of 16 bytes and one of 12.
test.each([
  [253, 4, true],
  [253, 5, false],
  [254, 1, false],
])("fitsOneBlock() with %d names of 8 bytes and one of %d is %p", (count, length, want) => {
  const names = Array.from({ length: count }, (_, index) => `${index}`.padStart(8, "0"));
  const entries = [...names, "x".repeat(length)].map((name, index) => entry(name, 20 + index));
  expect(fitsOneBlock(content(entries))).toBe(want);
  if (want) expect(readEntries(encodeDirectory(content(entries), SEED))).toHaveLength(count + 3);
  else expect(() => encodeDirectory(content(entries), SEED)).toThrow("fit their block");
});

test("encodeLeaf() without entries is one empty record", () => {
  const block = encodeLeaf([], SEED);
  expect(readEntries(block)).toEqual([]);
  expect(viewOf(block).getUint16(4, true)).toBe(4084);
});

test("encodeLeaf() ends with a tail and its checksum", () => {
  const tail = viewOf(encodeLeaf([entry("a", 3)], SEED).subarray(4084));
  expect([tail.getUint32(0, true), tail.getUint16(4, true), tail.getUint16(6, true)]).toEqual([
    0, 12, 0xde00,
  ]);
  const used = encodeLeaf([entry("a", 3)], SEED).subarray(0, 4084);
  expect(tail.getUint32(8, true)).toBe(crc32c(SEED, used));
});
