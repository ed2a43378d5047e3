import { expect, test } from "bun:test";
import { isSameAddress } from "../../src/slot/address.ts";

test("isSameAddress() compares every value, in any order", () => {
  const address = { part: "3", partuuid: "x" };
  expect(isSameAddress(address, { partuuid: "x", part: "3" })).toBe(true);
  for (const other of [{}, { part: "3" }, { part: "3", partuuid: "y" }, { ...address, more: "" }])
    expect(isSameAddress(address, other)).toBe(false);
});
