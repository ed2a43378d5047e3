import { expect, test } from "bun:test";
import fc from "fast-check";
import { posix } from "node:path";

import { cleanPath, cleanTarget, splitPath } from "../../src/tar/path.ts";
import { pathOf } from "../fixtures/view.ts";

const N255 = "n".repeat(255);

test.each([
  ["", ""],
  [".", ""],
  ["./", ""],
  ["/", ""],
  ["//", ""],
  ["a", "a"],
  ["/a", "a"],
  ["./a", "a"],
  ["a/", "a"],
  ["a//", "a"],
  ["a//b", "a/b"],
  ["././a", "a"],
  ["a/./b/", "a/b"],
  ["a/../b", "b"],
  ["a/..", ""],
  ["...", "..."],
  [".a/..b/c.", ".a/..b/c."],
  [N255, N255],
])("cleanPath(%p) is %p", (name, clean) => {
  expect(cleanPath(pathOf(name))).toBe(pathOf(clean));
  expect(cleanTarget(pathOf(name))).toBe(pathOf(clean));
});

test.each([
  ["..", "leads out of the root"],
  ["../a", "leads out of the root"],
  ["/../a", "leads out of the root"],
  ["a/../../b", "leads out of the root"],
  ["./..", "leads out of the root"],
  [`a/${N255}n`, "256 bytes, more than 255"],
  ["aa/".repeat(1366), "4097 bytes, more than 4096"],
])("cleanPath(%p) is refused: %s", (name, reason) => {
  expect(() => cleanPath(pathOf(name))).toThrow(reason);
});

test("cleanPath() accepts a path of 4096 bytes", () => {
  expect(cleanPath(pathOf(`${"aa/".repeat(1365)}a`))).toHaveLength(4096);
});

test.each([
  ["../../etc/passwd", "etc/passwd"],
  ["a/../../b", "b"],
  ["..", ""],
])("cleanTarget(%p) is %p", (target, clean) => {
  expect(cleanTarget(pathOf(target))).toBe(pathOf(clean));
});

test("cleanTarget() cleans as node:path does below the root", () => {
  const part = fc.constantFrom("", ".", "..", "a", "b", "...", ".c");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const name = parts.join("/");
      const clean = posix.join("/", name).replace(/^\/|\/$/g, "");
      expect(cleanTarget(pathOf(name))).toBe(pathOf(clean));
    }),
  );
});

test.each([
  ["a", "", "a"],
  ["a/b", "a", "b"],
  ["a/b/c", "a/b", "c"],
])("splitPath(%p) is %p and %p", (path, parent, name) => {
  expect(splitPath(pathOf(path))).toEqual({ parent: pathOf(parent), name: pathOf(name) });
});
