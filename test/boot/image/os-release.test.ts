import { expect, test } from "bun:test";
import { parseOsRelease, readOsRelease } from "../../../src/boot/image/os-release.ts";
import { image } from "../tree.ts";

test.each([
  ["VERSION=1", { version: "1" }],
  ['VERSION="12 (bookworm)"', { version: "12 (bookworm)" }],
  ["VERSION='1 2'\nID=x", { version: "1 2", id: "x" }],
  ['VERSION="a \\"b\\" \\$c"', { version: 'a "b" $c' }],
  ["VERSION_ID=41", { version: "41" }],
  ["VERSION_ID=41\nVERSION=forty-one", { version: "forty-one" }],
  ["VERSION=1\nVERSION=2", { version: "2" }],
  ["# VERSION=1\nsome words\n=3\nversion=4", {}],
  ["NAME=n", { prettyName: "n" }],
  ["NAME=n\r\nPRETTY_NAME=p\r\n", { prettyName: "p" }],
  ["", {}],
])("parseOsRelease(%j) is %j", (text, want) => {
  const nothing = { id: undefined, version: undefined, prettyName: undefined };
  expect(parseOsRelease(text)).toEqual({ ...nothing, ...want });
});

test.each([
  [{ "usr/lib/os-release": "ID=usr" }, "usr"],
  [{ "usr/lib/os-release": "ID=usr", "etc/os-release": "→ ../usr/lib/os-release" }, "usr"],
  [{ "usr/lib/os-release": "ID=usr", "etc/os-release": "ID=etc" }, "etc"],
  [{ "etc/os-release": "→ /nowhere" }, undefined],
])("readOsRelease() of %j has the id %s", (files, want) => {
  const { root, read } = image(files);
  expect(readOsRelease(root, read)?.id).toBe(want);
});
