import { expect, test } from "bun:test";

import type { FileSystemSource, TreeSource } from "../../src/source/source.ts";
import { layersOf } from "../../src/write/layers-of.ts";
import { memorySource } from "../fakes/machine.ts";

test("layersOf() returns a source of layers", () => {
  const source = memorySource("v1");
  expect(layersOf(source)).toBe(source);
});

const tree: TreeSource = {
  kind: "tree",
  name: "dir:/x",
  recipe: undefined,
  scan: () => Promise.reject(new Error("not read")),
  read: () => Promise.reject(new Error("not read")),
  close() {},
};
const fileSystem: FileSystemSource = {
  kind: "filesystem",
  name: "file:/x.img",
  recipe: undefined,
  file: "/x.img",
  close() {},
};

test.each([
  [tree, "Cannot write dir:/x: it gives a directory tree, which tandem cannot write"],
  [fileSystem, "Cannot write file:/x.img: it gives a file system, which tandem cannot write"],
])("a source of kind $kind is refused", (source, message) => {
  const open = (): unknown => layersOf(source);
  expect(open).toThrow(expect.objectContaining({ code: "source", message }));
});
