import { expect, test } from "bun:test";
import { configMapOf, mergeMaps, valueAt } from "../../src/kairos/config-tree.ts";

test.each([
  ["maps merge", { a: { b: 1, c: 2 } }, { a: { c: 3, d: 4 } }, { a: { b: 1, c: 3, d: 4 } }],
  [
    "a list gets what it does not have",
    { a: ["x", "y"] },
    { a: ["y", "z"] },
    { a: ["x", "y", "z"] },
  ],
  [
    "lists of maps are joined, with what is in both",
    { a: [{ n: 1 }] },
    { a: [{ n: 1 }, { n: 2 }] },
    { a: [{ n: 1 }, { n: 1 }, { n: 2 }] },
  ],
  ["an empty list gets all", { a: [] }, { a: [{ n: 1 }] }, { a: [{ n: 1 }] }],
  ["the second plain value counts", { a: 1, b: "x" }, { a: 2 }, { a: 2, b: "x" }],
  ["nothing gives way", { a: null }, { a: { b: 1 } }, { a: { b: 1 } }],
  [
    "nothing empties",
    { a: [1], b: { c: 1 }, d: "x", e: 1, f: true },
    { a: null, b: null, d: null, e: null, f: null },
    { a: [], b: {}, d: "", e: 0, f: false },
  ],
] as const)("mergeMaps(): %s", (_, ...[base, over, merged]) => {
  expect(mergeMaps(base, over)).toEqual(merged);
});

test("mergeMaps() refuses values of different kinds and says where they are", () => {
  const [base, over] = [{ upgrade: { system: "x" } }, { upgrade: { system: { size: 1 } } }];
  expect(() => mergeMaps(base, over)).toThrow(
    "Cannot merge the configuration at upgrade.system: it is a string in one file and a map in another",
  );
});

test("mergeMaps() keeps a key that objects have by themselves", () => {
  expect(mergeMaps({}, configMapOf(JSON.parse('{"toString": {"x": 1}}')))).toEqual({
    toString: { x: 1 },
  } as never);
});

test.each([
  [null, {}],
  [{ a: [1, { b: null }] }, { a: [1, { b: null }] }],
  // Two documents in one file.
  [[{ a: 1 }, { b: 2 }], { a: 1 }],
] as const)("configMapOf(%j)", (parsed, map) => {
  expect(configMapOf(parsed)).toEqual(map as never);
});

test.each([
  ["text", "it is a string, want keys with values"],
  [[1, 2], "it is a list, want keys with values"],
] as const)("configMapOf(%j) is refused", (parsed, why) => {
  expect(() => configMapOf(parsed)).toThrow(why);
});

test("configMapOf() ends at a document that repeats itself", () => {
  const ring: Record<string, unknown> = {};
  ring["ring"] = ring;
  expect(() => configMapOf(ring)).toThrow("it is deeper than 100 levels");
  let many: unknown = "x";
  for (let level = 0; level < 20; level += 1) many = { a: many, b: many };
  expect(() => configMapOf(many)).toThrow("it has more than 100000 values");
});

test.each([
  [
    ["a", "b"],
    [1, 2],
  ],
  [["a", "b", "1"], 2],
  [["a", "b", "x"], undefined],
  [["a", "toString"], undefined],
  [[], { a: { b: [1, 2] } }],
] as const)("valueAt(%j)", (path, value) => {
  expect(valueAt({ a: { b: [1, 2] } }, path)).toEqual(value as never);
});
