import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { readInitrd } from "../../../src/boot/image/initrd-image.ts";
import { cpio, type InitramfsFile } from "../../e2e/cpio.ts";

const file = (path: string, data = "data"): InitramfsFile => ({ path, kind: "file", data });
const INIT = cpio([file("init")]);
const MICROCODE = cpio([
  { path: "kernel", kind: "directory" },
  file("kernel/x86/microcode/GenuineIntel.bin", "m".repeat(5000)),
]);
const all = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);
const magic = (hex: string): Uint8Array => Buffer.from(hex.padEnd(200, "0"), "hex");
const NOT = "is no cpio archive that Linux unpacks, nor compressed as Linux knows it";

test.each([
  ["an archive with an init", INIT, { hasInit: true }],
  ["one with ./init", cpio([file("./init")]), { hasInit: true }],
  [
    "one with a link named init",
    cpio([{ path: "init", kind: "symlink", target: "x" }]),
    { hasInit: true },
  ],
  ["one with another init", cpio([file("sbin/init"), file("initial")]), { hasInit: false }],
  ["one with a checksum", Buffer.from(INIT).fill("2", 5, 6), { hasInit: true }],
  ["microcode alone", MICROCODE, { hasInit: false }],
  ["microcode and an archive", all(MICROCODE, INIT), { hasInit: true }],
  ["microcode, zeros and an archive", all(MICROCODE, Buffer.alloc(512), INIT), { hasInit: true }],
  ["microcode before gzip", all(MICROCODE, gzipSync(INIT)), { hasInit: "compressed" }],
  ["microcode and what is none", all(MICROCODE, Buffer.from("junk")), { hasInit: false }],
  ["gzip", gzipSync(INIT), { hasInit: "compressed" }],
  ["Zstandard", magic("28b52ffd"), { hasInit: "compressed" }],
  ["xz", magic("fd377a585a00"), { hasInit: "compressed" }],
  ["LZMA", magic("5d0000"), { hasInit: "compressed" }],
  ["bzip2", magic("425a68"), { hasInit: "compressed" }],
  ["LZO", magic("894c5a4f"), { hasInit: "compressed" }],
  ["LZ4 in its legacy form", magic("02214c18"), { hasInit: "compressed" }],
  ["LZ4 in its new form", magic("04224d18"), { invalid: NOT }],
  ["cpio of POSIX", Buffer.from("070707".padEnd(200, "0")), { invalid: NOT }],
  ["a text", Buffer.from("initrd ".repeat(100)), { invalid: NOT }],
  ["an archive cut in its header", INIT.subarray(0, 60), { invalid: NOT }],
  ["a size that is none", Buffer.from(INIT).fill("x", 54, 62), { invalid: NOT }],
  ["zeros", new Uint8Array(512), { invalid: "is empty" }],
] as const)("readInitrd() of %s", (...row) => {
  const [, bytes, want] = row;
  expect(readInitrd(bytes, bytes.byteLength)).toEqual(want);
});

test("readInitrd() says when it needs more than its first bytes", () => {
  const bytes = all(MICROCODE, INIT);
  for (const count of [200, 4096, MICROCODE.byteLength, MICROCODE.byteLength + 50])
    expect(readInitrd(bytes.subarray(0, count), bytes.byteLength)).toEqual({ hasInit: "unread" });
});
