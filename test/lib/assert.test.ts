import { expect, test } from "bun:test";
import { assert, defined } from "../../src/lib/assert.ts";
import { TandemError } from "../../src/lib/error.ts";

test("assert() throws a plain Error, not a TandemError", () => {
  expect(() => assert(true, "fine")).not.toThrow();
  expect(() => assert(false, "one is two")).toThrow("Assertion failed: one is two");
  expect(() => assert(false, "x")).not.toThrow(TandemError);
});

test.each([0, "", false, Number.NaN])("defined(%p) is the value", (value) => {
  expect(defined(value, "value")).toBe(value);
});

test.each([undefined, null])("defined(%p) throws", (value) => {
  expect(() => defined(value, "layer")).toThrow("Assertion failed: no layer");
});
