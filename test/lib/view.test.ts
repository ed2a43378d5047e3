import { expect, test } from "bun:test";
import { viewOf } from "../../src/lib/view.ts";

test("a view of a part sees that part, and writes into its memory", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const view = viewOf(bytes.subarray(1, 3));
  expect(view.byteLength).toBe(2);
  expect(view.getUint16(0, true)).toBe(0x0302);
  view.setUint8(1, 9);
  expect([...bytes]).toEqual([1, 2, 9, 4]);
});
