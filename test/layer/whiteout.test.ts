import { expect, test } from "bun:test";

import { markerOf, type Marker } from "../../src/layer/whiteout.ts";
import { pathOf } from "../fixtures/view.ts";

const whiteout = (parent: string, name: string): Marker => ({
  kind: "whiteout",
  parent: pathOf(parent),
  name: pathOf(name),
});
const opaque = (parent: string): Marker => ({ kind: "opaque", parent: pathOf(parent) });

test.each<[string, Marker | undefined]>([
  ["", undefined],
  ["a", undefined],
  ["a.wh.b", undefined],
  [".wh", undefined],
  [".wh.etc/some", undefined],
  [".wh.a", whiteout("", "a")],
  ["d/e/.wh.a", whiteout("d/e", "a")],
  [".wh.etc/.wh.a", whiteout(".wh.etc", "a")],
  [".wh....", whiteout("", "...")],
  [".wh..a", whiteout("", ".a")],
  [".wh..wh..opq", opaque("")],
  ["d/.wh..wh..opq", opaque("d")],
  [".wh..wh.plnk", { kind: "nothing" }],
  [".wh..wh.plnk/123.4", { kind: "nothing" }],
  ["d/.wh..wh.aufs", { kind: "nothing" }],
  ["d/.wh..wh..opq2", { kind: "nothing" }],
])("markerOf(%p) is %p", (path, marker) => {
  expect(markerOf(pathOf(path))).toEqual(marker);
});

test.each([".wh.", ".wh..", ".wh...", "a/b/.wh."])("markerOf(%p) is refused", (path) => {
  expect(() => markerOf(pathOf(path))).toThrow("no name");
});
