import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import { put, putAll, u16, u32, u8 } from "../../src/ext4/field.ts";

test.each([
  [u8(1), 0x1234, [0, 0x34, 0, 0, 0, 0]],
  [u16(1), 0x12345, [0, 0x45, 0x23, 0, 0, 0]],
  [u32(1), 0x01020304, [0, 4, 3, 2, 1, 0]],
  [u32(1), 2 ** 32 + 5, [0, 5, 0, 0, 0, 0]],
  [u32(1), -1, [0, 255, 255, 255, 255, 0]],
  [u16(1), 1.75, [0, 1, 0, 0, 0, 0]],
])("put(%o, %d)", (field, value, want) => {
  const bytes = new Uint8Array(6);
  put(viewOf(bytes), field, value);
  expect([...bytes]).toEqual(want);
});

test("putAll() stores the named fields only", () => {
  const bytes = new Uint8Array(8).fill(9);
  putAll(viewOf(bytes.subarray(2)), { one: u8(0), two: u16(2), three: u8(5) }, { one: 1, two: 2 });
  expect([...bytes]).toEqual([9, 9, 1, 9, 2, 0, 9, 9]);
});
