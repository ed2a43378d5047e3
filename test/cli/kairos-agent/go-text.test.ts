import { expect, test } from "bun:test";
import { goText } from "../../../src/cli/kairos-agent/go-text.ts";

test.each([
  [undefined, "<nil>"],
  [null, "<nil>"],
  ["x y", "x y"],
  [true, "true"],
  [0, "0"],
  [512, "512"],
  [999_999, "999999"],
  [1_000_000, "1e+06"],
  [6_432_996_864, "6.432996864e+09"],
  [-2_000_000, "-2e+06"],
  [0.5, "0.5"],
  [0.000_01, "1e-05"],
  [1e100, "1e+100"],
  [["a", 1, null], "[a 1 <nil>]"],
  [{ b: { c: false }, a: "x" }, "map[a:x b:map[c:false]]"],
])("goText(%j) is %j", (value, text) => {
  expect(goText(value)).toBe(text);
});
