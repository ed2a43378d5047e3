import { expect, test } from "bun:test";

import {
  ACCEPT_MANIFESTS,
  documentKind,
  isSchema1,
  mediaTypeOf,
} from "../../src/oci/media-type.ts";

test("Accept lists indexes before manifests, and nothing else", () => {
  const kinds = ACCEPT_MANIFESTS.split(", ").map((type) => documentKind(type));
  expect(kinds).toEqual(["index", "index", "manifest", "manifest"]);
});

test.each([
  ["application/json; charset=utf-8", "application/json"],
  [" Text/Plain ", "text/plain"],
  ["", undefined],
  [null, undefined],
])("the type in %p is %p", (header, want) => {
  expect(mediaTypeOf(header)).toBe(want as string);
});

test("recognises manifests of schema 1", () => {
  expect(isSchema1("application/vnd.docker.distribution.manifest.v1+json")).toBe(true);
  expect(isSchema1("application/vnd.docker.distribution.manifest.v2+json")).toBe(false);
  expect(isSchema1(undefined)).toBe(false);
});
