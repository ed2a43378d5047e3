import { expect, test } from "bun:test";
import fc from "fast-check";

import { indexTar } from "../../src/source/tar-index.ts";
import { memoryFiles } from "../fakes/files.ts";
import { tar, type TarMember } from "../fakes/tar.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const index = (archive: Uint8Array) => indexTar(memoryFiles({ "/x": archive }).open("/x"), "/x");

/** Returns the names and contents of the files in an archive. */
function read(archive: Uint8Array): Record<string, string> {
  const decoder = new TextDecoder();
  return Object.fromEntries(
    [...index(archive)].map(([name, { offsetBytes, sizeBytes }]) => [
      name,
      decoder.decode(archive.subarray(offsetBytes, offsetBytes + sizeBytes)),
    ]),
  );
}

const a: TarMember = { name: "a", bytes: bytes("A") };
const b: TarMember = { name: "b", bytes: bytes("B") };
const LONG = `d/${"n".repeat(200)}`;
const pax = (record: string): TarMember => ({ name: "pax", type: "x", bytes: bytes(record) });
const base256 = new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

test.each<[string, TarMember[], Record<string, string>]>([
  ["files", [a, b], { a: "A", b: "B" }],
  ["nothing", [], {}],
  [
    "./ and / before names",
    [
      { ...a, name: "./a" },
      { ...b, name: "/x/./b" },
    ],
    { a: "A", "x/b": "B" },
  ],
  ["names that lead out", [{ ...a, name: "x/../a" }, b], { b: "B" }],
  ["a file twice", [a, { ...b, name: "a" }], { a: "B" }],
  ["a prefix", [{ ...a, prefix: "x/y" }], { "x/y/a": "A" }],
  ["a size in base-256", [{ ...a, size: base256 }, b], { a: "A", b: "B" }],
  [
    "old and contiguous files",
    [
      { ...a, type: "\0" },
      { ...b, type: "7" },
    ],
    { a: "A", b: "B" },
  ],
  ["a symlink in place of a file", [a, { name: "a", type: "2" }, b], { b: "B" }],
  ["a size of a link", [{ name: "l", type: "1", size: "00000000777" }, b], { b: "B" }],
  ["a directory", [{ name: "d/", type: "5" }, b], { b: "B" }],
  ["a PAX path", [pax(`${LONG.length + 10} path=${LONG}\n`), a, b], { [LONG]: "A", b: "B" }],
  ["a PAX size", [pax("10 size=1\n"), { ...a, size: "00000000000" }, b], { a: "A", b: "B" }],
  ["PAX for all", [{ ...pax("9 path=x\n"), type: "g" }, a], { a: "A" }],
  [
    "a GNU name",
    [{ name: "l", type: "L", bytes: bytes(`${LONG}\0`) }, a, b],
    { [LONG]: "A", b: "B" },
  ],
  ["a GNU link name", [{ name: "l", type: "K", bytes: bytes("x\0") }, a], { a: "A" }],
])("lists the files of an archive with %s", (_, members, want) => {
  expect(read(tar(members))).toEqual(want);
});

test("an archive without an end marker is accepted", () => {
  expect(read(tar([a], new Uint8Array(0)))).toEqual({ a: "A" });
});

test.each<[string, Uint8Array, string]>([
  ["nothing", new Uint8Array(0), "too short"],
  ["text", bytes("x".repeat(600)), "not a tar header"],
  ["a wrong checksum", tar([a, { ...b, badSum: true }]), "/x at byte 1024: it is not a tar header"],
  [
    "a cut",
    tar([a, { ...b, size: "00000004000" }]),
    "it is cut off at byte 3072, in the member at byte 1024",
  ],
  ["a size that is none", tar([{ ...a, size: "zzzzzzzzzzz" }]), "not a tar header"],
  ["a negative size", tar([{ ...a, size: new Uint8Array(12).fill(0xff) }]), "not a tar header"],
  ["a size of 2^80", tar([{ ...a, size: new Uint8Array(12).fill(0x80) }]), "not a tar header"],
  ["a PAX size that is none", tar([pax("11 size=-1\n"), a]), "cut off"],
  [
    "a large PAX header",
    tar([{ name: "p", type: "x", bytes: new Uint8Array(1_048_577) }]),
    "extended",
  ],
  [
    "a malformed PAX header",
    tar([pax("99 path=x\n"), a]),
    "extended header at byte 512 is malformed",
  ],
  ["gzip", new Uint8Array(Bun.gzipSync(tar([a]).slice())), "compressed with gzip"],
  ["zstd", new Uint8Array(Bun.zstdCompressSync(tar([a]))), "compressed with zstd"],
])("refuses %s", (_, archive, why) => {
  expect(() => index(archive)).toThrow(why);
  expect(() => index(archive)).toThrow(expect.objectContaining({ code: "content" }));
});

test("any bytes give a result or a TandemError", () => {
  const good = tar([pax("9 path=x\n"), a, b]);
  const change = fc.record({ at: fc.nat(good.byteLength - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
      const archive = good.slice();
      for (const { at, to } of changes) archive[at] = to;
      try {
        for (const { offsetBytes, sizeBytes } of index(archive).values())
          expect(offsetBytes + sizeBytes).toBeLessThanOrEqual(archive.byteLength);
      } catch (error) {
        expect(error).toHaveProperty("code", "content");
      }
    }),
  );
});
