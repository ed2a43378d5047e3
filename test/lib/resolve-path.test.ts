import { expect, test } from "bun:test";
import { resolvePath, SYMLINKS_MAX } from "../../src/lib/resolve-path.ts";

/** Paths, and the targets of those that are symlinks. */
const TREE: Readonly<Record<string, string | undefined>> = {
  a: undefined,
  "a/b": undefined,
  "a/up": "../a/b",
  "a/out": "../../../a",
  absolute: "/a/b",
  nowhere: "none",
  loop: "loop",
};

const resolve = (path: string, tree = TREE): string =>
  [
    resolvePath<string, string>(path, (name, steps) => {
      const key = [...steps, name].join("/");
      if (!Object.hasOwn(tree, key)) return undefined;
      const target = tree[key];
      return target === undefined ? { step: name } : { target };
    }),
  ]
    .flat()
    .join("/");

test.each([
  ["", ""],
  ["/", ""],
  ["a/b", "a/b"],
  ["//a/./b/", "a/b"],
  ["a/up", "a/b"],
  ["a/out/b", "a/b"],
  ["absolute", "a/b"],
  ["../..", ""],
  ["a/../a", "a"],
  ["a/c", "missing"],
  ["nowhere", "missing"],
  ["loop", "loop"],
])("%p leads to %p", (path, want) => {
  expect(resolve(path)).toBe(want);
});

/** So many symlinks, each to the one before it, and the first one to "end". */
function chain(length: number): Record<string, string | undefined> {
  const links = Array.from({ length }, (_, index): [string, string] => [
    `${index}`,
    index === 0 ? "end" : `${index - 1}`,
  ]);
  return { end: undefined, ...Object.fromEntries(links) };
}

test("as many symlinks are followed as Linux follows", () => {
  expect(resolve(`${SYMLINKS_MAX - 1}`, chain(SYMLINKS_MAX))).toBe("end");
  expect(resolve(`${SYMLINKS_MAX}`, chain(SYMLINKS_MAX + 1))).toBe("loop");
});
