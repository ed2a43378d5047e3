import { expect, test } from "bun:test";
import { byteStringOf } from "../../src/lib/byte-string.ts";
import { DataHash, TreeHash } from "../../src/source/tree-hash.ts";
import type { Entry } from "../../src/tar/entry.ts";

const BLOCK = 4096;

/** The hash of `bytes` that come in pieces of `pieceBytes`, without the pieces in `holes`. */
function hashOf(bytes: Uint8Array, pieceBytes: number, holes: readonly number[] = []): string {
  const hash = new DataHash();
  for (let at = 0; at < bytes.byteLength; at += pieceBytes)
    if (!holes.includes(at)) hash.update(at, bytes.subarray(at, at + pieceBytes));
  return hash.digest();
}

const data = Buffer.concat([
  Buffer.alloc(BLOCK, "a"),
  Buffer.alloc(2 * BLOCK),
  Buffer.alloc(3 * BLOCK, "b"),
  Buffer.from("\0end"),
]);

test("DataHash does not depend on pieces and holes", () => {
  const want = hashOf(data, data.byteLength);
  expect(hashOf(data, BLOCK)).toBe(want);
  expect(hashOf(data, 2 * BLOCK)).toBe(want);
  expect(hashOf(data, BLOCK, [BLOCK])).toBe(want);
  expect(hashOf(data, BLOCK, [BLOCK, 2 * BLOCK])).toBe(want);
});

test("DataHash depends on each byte and on where it is", () => {
  const want = hashOf(data, BLOCK);
  for (const at of [0, BLOCK - 1, BLOCK, 3 * BLOCK, data.byteLength - 4, data.byteLength - 1]) {
    const other = Buffer.from(data);
    other[at] = (other[at] ?? 0) + 1;
    expect({ at, isEqual: hashOf(other, BLOCK) === want }).toEqual({ at, isEqual: false });
  }
  const moved = Buffer.concat([data.subarray(BLOCK, 2 * BLOCK), data.subarray(0, BLOCK)]);
  expect(hashOf(moved, BLOCK)).not.toBe(hashOf(data.subarray(0, 2 * BLOCK), BLOCK));
});

const path = byteStringOf("x");
const mtime = { seconds: 1, nanoseconds: 2 };
const member = { path, mode: 0o644, uid: 0, gid: 0, mtime, xattrs: [] };
const file: Entry = { ...member, kind: "file", sizeBytes: 3, extents: [] };
const xattrs = [{ name: byteStringOf("user.a"), value: byteStringOf("b") }];

function treeDigest(entry: Entry, content = "hash"): string {
  const hash = new TreeHash();
  hash.add(entry, content);
  return hash.digest();
}

test.each<readonly [string, Entry, string]>([
  ["path", { ...file, path: byteStringOf("y") }, "hash"],
  ["kind", { ...member, kind: "fifo" }, "hash"],
  ["mode", { ...file, mode: 0o755 }, "hash"],
  ["owner", { ...file, uid: 1 }, "hash"],
  ["group", { ...file, gid: 1 }, "hash"],
  ["time", { ...file, mtime: { seconds: 1, nanoseconds: 3 } }, "hash"],
  ["xattr", { ...file, xattrs }, "hash"],
  ["size", { ...file, sizeBytes: 4 }, "hash"],
  ["data", file, "other"],
])("another %s gives another tree digest", (_, entry, content) => {
  expect(treeDigest(entry, content)).not.toBe(treeDigest(file));
  expect(treeDigest(entry, content)).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test("where the data lies in the target does not count", () => {
  const extents = [{ logicalBlock: 0, physicalBlock: 7, blocks: 1 }];
  expect(treeDigest({ ...file, extents })).toBe(treeDigest(file));
});
