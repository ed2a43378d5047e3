import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import { encodeDevice } from "../../src/ext4/device.ts";

test.each([
  [1, 3, [0x0103, 0]],
  [255, 255, [0xffff, 0]],
  [259, 0, [0, 259 * 256]],
  [8, 256, [0, 0x100800]],
  [259, 65_536, [0, 0x10010300]],
  [4095, 1_048_575, [0, 0xffffffff]],
])("encodeDevice(%d:%d)", (major, minor, want) => {
  const bytes = encodeDevice({ major, minor }) ?? new Uint8Array(8);
  const view = viewOf(bytes);
  expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual(want);
});

test.each([
  [4096, 0],
  [0, 1_048_576],
])("encodeDevice(%d:%d) is undefined", (major, minor) => {
  expect(encodeDevice({ major, minor })).toBeUndefined();
});
