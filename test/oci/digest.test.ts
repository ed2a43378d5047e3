import { expect, test } from "bun:test";

import { digestOf, parseDigest } from "../../src/oci/digest.ts";

const EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("gives the SHA-256 of bytes by default", () => {
  expect<string>(digestOf(new Uint8Array(0))).toBe(EMPTY);
});

test("hashes with the algorithm of another digest", () => {
  const like = parseDigest(`sha512:${"0".repeat(128)}`);
  expect(digestOf(new Uint8Array(0), like)).toStartWith("sha512:cf83e1357eefb8bd");
});

test.each([
  "",
  "sha256:",
  EMPTY.toUpperCase(),
  EMPTY.slice(0, -1),
  `${EMPTY}0`,
  `${EMPTY}\n`,
  `sha512:${"0".repeat(64)}`,
  `md5:${"0".repeat(32)}`,
  `sha256:../${"0".repeat(61)}`,
])("refuses %p", (text) => {
  expect(() => parseDigest(text)).toThrow("want sha256 and 64");
});
