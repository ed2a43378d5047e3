import { expect, test } from "bun:test";
import { architectureOf } from "../../../src/boot/image/elf.ts";
import { elfOf } from "../../fakes/boot-files.ts";

const AMD64 = elfOf("amd64");

test.each([
  ["an executable for amd64", AMD64, "amd64"],
  ["an executable for arm64", elfOf("arm64"), "arm64"],
  ["a header that is cut off", AMD64.subarray(0, 19), undefined],
  ["a script", Buffer.from("#!/bin/sh\nexec true or something\n"), undefined],
  ["a big-endian executable", AMD64.with(5, 2), undefined],
  ["a machine that is not listed", AMD64.with(18, 99), undefined],
])("architectureOf() of %s", (_, head, want) => {
  expect(architectureOf(head)).toBe(want);
});
