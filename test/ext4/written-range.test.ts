import { expect, test } from "bun:test";
import { rangeOf } from "../../src/ext4/written-range.ts";

test("rangeOf() tells place, size and SHA-256", () => {
  const { offsetBytes, sizeBytes, sha256 } = rangeOf(4096, Buffer.from("abc"));
  expect([offsetBytes, sizeBytes]).toEqual([4096, 3]);
  // FIPS 180-2, appendix B.1.
  expect(sha256.toHex()).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
