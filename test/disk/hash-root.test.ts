import { expect, test } from "bun:test";
import { hashRoot } from "../../src/disk/hash-root.ts";

const sha256 = new Uint8Array(32).fill(7);
const FIRST = { offsetBytes: 2 ** 33, sizeBytes: 4096, sha256 };
const SECOND = { offsetBytes: 2 ** 34, sizeBytes: 4096, sha256 };

test("hashRoot() is SHA-256 over offset, size and hash of each range", () => {
  const leaf = Buffer.alloc(48, 7);
  leaf.writeBigUInt64LE(2n ** 33n, 0);
  leaf.writeBigUInt64LE(4096n, 8);
  expect(hashRoot([FIRST])).toBe(new Bun.CryptoHasher("sha256").update(leaf).digest("hex"));
});

test.each([
  ["another offset", [{ ...FIRST, offsetBytes: 0 }]],
  ["another size", [{ ...FIRST, sizeBytes: 8192 }]],
  ["another hash", [{ ...FIRST, sha256: new Uint8Array(32) }]],
  ["one more", [FIRST, SECOND]],
  ["none", []],
])("hashRoot() of %s differs", (_, ranges) => {
  expect(hashRoot(ranges)).not.toBe(hashRoot([FIRST]));
});
