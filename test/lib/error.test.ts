import { expect, test } from "bun:test";
import { reasonOf, TandemError } from "../../src/lib/error.ts";

test("TandemError keeps code, hint and cause", () => {
  const cause = new Error("ENOENT");
  const error = new TandemError("disk", "Cannot open /dev/x: ENOENT", { hint: "Look.", cause });
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code, error.hint, error.cause]).toEqual([
    "TandemError",
    "disk",
    "Look.",
    cause,
  ]);
  expect(new TandemError("usage", "x").hint).toBeUndefined();
});

test.each([
  ["a TandemError", new TandemError("disk", "why"), "why"],
  ["another error", new RangeError("why"), "why"],
  ["a text", "text", "text"],
  ["nothing", undefined, "undefined"],
  ["a number", 17, "17"],
])("reasonOf() %s", (_, error, text) => {
  expect(reasonOf(error)).toBe(text);
});
