import { expect, test } from "bun:test";
import { rangeOf } from "../../src/ext4/written-range.ts";

test("rangeOf() has offset, size and XXH3-64", () => {
  const { offsetBytes, sizeBytes, xxh3 } = rangeOf(4096, Buffer.from("abc"));
  expect([offsetBytes, sizeBytes]).toEqual([4096, 3]);
  // The published value for seed 0.
  expect(xxh3).toBe(0x78af5f94892f3950n);
});
