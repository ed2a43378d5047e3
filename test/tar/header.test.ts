import { expect, test } from "bun:test";

import { checkBlock, type Dialect, parseHeader } from "../../src/tar/header.ts";
import { rawHeader } from "./raw-tar.ts";

test("checkBlock() distinguishes a header from the end", () => {
  expect(checkBlock(rawHeader(), 0)).toBe("header");
  expect(checkBlock(Buffer.alloc(512), 0)).toBe("end");
});

test.each([0, 99, 148, 153, 156, 511])("checkBlock() detects a change of byte %i", (at) => {
  const block = rawHeader();
  block[at] = (block[at] ?? 0) + 1;
  expect(() => checkBlock(block, 0)).toThrow("checksum");
});

test("checkBlock() accepts a checksum of signed bytes", () => {
  const block = rawHeader({ name: "\xe9\xff" });
  block.write("        ", 148, "latin1");
  const signed = block.reduce((sum, byte) => sum + (byte < 0x80 ? byte : byte - 256), 0);
  block.write(`${signed.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  expect(checkBlock(block, 0)).toBe("header");
});

const STAR = { 345: "p".repeat(131), 476: "00000000000\0", 508: "tar\0" };

test.each<[string, Dialect, string, string, Record<number, string>]>([
  ["no magic", "v7", "", "name", { 345: "prefix" }],
  ["an unknown magic", "v7", "ustar\x01", "name", { 345: "prefix" }],
  ["ustar", "ustar", "ustar\x0000", "prefix/name", { 345: "prefix" }],
  [
    "a ustar prefix to its end",
    "ustar",
    "ustar\x0000",
    `${"p".repeat(155)}/name`,
    { 345: "p".repeat(155) },
  ],
  ["star", "star", "ustar\x0000", `${"p".repeat(131)}/name`, STAR],
  ["GNU with times", "gnu", "ustar  \0", "name", { 345: "07346545000\0", 357: "07346545001\0" }],
  ["GNU with a prefix", "gnu", "ustar  \0", "prefix/name", { 345: "prefix" }],
  ["GNU with a prefix of other bytes", "gnu", "ustar  \0", "name", { 345: "pr\xe9fix" }],
])("parseHeader() reads the name of %s", (...[, dialect, magic, name, raw]) => {
  const header = parseHeader(rawHeader({ name: "name", magic, raw }), 0);
  expect<string>(header.name).toBe(name);
  expect(header.dialect).toBe(dialect);
});

test("parseHeader() reads every field at its offset", () => {
  const raw = {
    100: "0004755\0",
    108: "0000001\0",
    116: "0000002\0",
    136: "00000000003\0",
    329: "0000004\0",
    337: "0000005\0",
  };
  const header = rawHeader({
    name: "n".repeat(100),
    type: "3",
    sizeBytes: 6,
    link: "l".repeat(100),
    raw,
  });
  expect(parseHeader(Buffer.concat([Buffer.alloc(3), header]), 3)).toEqual({
    dialect: "ustar",
    type: "3",
    name: "n".repeat(100) as never,
    linkName: "l".repeat(100) as never,
    mode: 0o4755,
    uid: 1,
    gid: 2,
    sizeBytes: 6,
    mtimeSeconds: 3,
    major: 4,
    minor: 5,
  });
});

test("parseHeader() reads no device in a header without magic", () => {
  const header = rawHeader({ magic: "", type: "3", raw: { 329: "no number" } });
  expect(parseHeader(header, 0)).toMatchObject({ major: 0, minor: 0 });
});
