import { expect, test } from "bun:test";
import { formatGuid } from "../../src/disk/guid.ts";

test.each([
  ["28732ac11ff8d211ba4b00a0c93ec93b", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"],
  ["af3dc60f838472478e793d69d8477de4", "0fc63daf-8483-4772-8e79-3d69d8477de4"],
  ["00000000000000000000000000000000", "00000000-0000-0000-0000-000000000000"],
])("formatGuid(%s) is %s", (hex, text) => {
  expect(formatGuid(Buffer.from(hex, "hex"))).toBe(text);
});
