import { expect, test } from "bun:test";
import { find, findFile, namesIn, readTreeText } from "../../../src/boot/image/find.ts";
import { image } from "../tree.ts";

const IMAGE = image({
  "usr/lib/os": "os",
  lib: "→ usr/lib",
  abs: "→ /usr/lib/os",
  "usr/up": "→ ../../../lib/os",
  "usr/lib/loop": "→ loop",
  "usr/lib/dangling": "→ nothing",
  "usr/dots": "→ ./lib//./os",
});

test.each([
  ["/usr/lib/os", "/usr/lib/os"],
  ["usr/lib/os", "/usr/lib/os"],
  ["/lib/os", "/usr/lib/os"],
  ["/abs", "/usr/lib/os"],
  ["/usr/up", "/usr/lib/os"],
  ["/usr/dots", "/usr/lib/os"],
  ["/lib/loop", undefined],
  ["/lib/dangling", undefined],
  ["/usr/lib/os/more", undefined],
  ["/usr/lib", undefined],
  ["/etc", undefined],
])("findFile(%s) is %s", (path, want) => {
  expect(findFile(IMAGE.root, path)?.path).toBe(want);
});

test("find() of / is the root", () => {
  expect(find(IMAGE.root, "/")).toEqual({ path: "/", node: IMAGE.root });
  expect(find(IMAGE.root, "/..")?.path).toBe("/");
});

test("find() follows 40 symlinks and not 41", () => {
  const links = Array.from({ length: 41 }, (_, index) => [`l${index}`, `→ l${index + 1}`]);
  const { root } = image({ ...Object.fromEntries(links), l41: "end" });
  expect(find(root, "/l1")?.path).toBe("/l41");
  expect(find(root, "/l0")).toBeUndefined();
});

test("namesIn() lists a directory, also through a symlink, and nothing else", () => {
  expect(namesIn(IMAGE.root, "/lib").map(String)).toEqual(["os", "loop", "dangling"]);
  expect(namesIn(IMAGE.root, "/lib/os")).toEqual([]);
});

test.each([
  ["/lib/os", 2, "os"],
  ["/lib/os", 1, undefined],
  ["/none", 9, undefined],
])("readText(%s) of at most %i bytes is %s", (path, bytesMax, want) => {
  expect(readTreeText(IMAGE, path, bytesMax)).toBe(want);
});
