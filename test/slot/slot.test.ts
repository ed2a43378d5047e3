import { expect, test } from "bun:test";
import { isSlotName } from "../../src/slot/slot.ts";

test.each([
  ["a", true],
  ["b", true],
  ["recovery", true],
  ["c", false],
  ["A", false],
  ["", false],
  ["toString", false],
])("isSlotName(%p) is %p", (text, want) => {
  expect(isSlotName(text)).toBe(want);
});
