import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";

import { createInflater } from "../../src/layer/inflate.ts";
import { TAR } from "./unpack-image.ts";

interface Inflated {
  readonly bytes: Buffer;
  readonly warnings: string[];
}

function inflate(input: Uint8Array, mediaType: string, chunkBytes = 1 << 20): Inflated {
  const warnings: string[] = [];
  const pieces: Uint8Array[] = [];
  const inflater = createInflater(mediaType, (text) => warnings.push(text));
  const emit = (bytes: Uint8Array): void => void pieces.push(new Uint8Array(bytes));
  for (let at = 0; at < input.length; at += chunkBytes) {
    const chunk = new Uint8Array(input.subarray(at, at + chunkBytes));
    inflater.write(chunk, emit);
    chunk.fill(0xee);
  }
  inflater.end(emit);
  return { bytes: Buffer.concat(pieces), warnings };
}

/** Data that compresses so little that it has several blocks and fills the output buffer several times. */
const CONTENT = Buffer.from(
  Uint8Array.from({ length: 300_001 }, (_, at) => (at * at * 31 + (at >> 7)) >> 5),
);
const SMALL = CONTENT.subarray(0, 3000);
const zstd = (bytes: Uint8Array, params = {}): Buffer => zstdCompressSync(bytes, { params });
const checked = { [constants.ZSTD_c_checksumFlag]: 1 };
const SKIPPABLE = Buffer.from("5f2a4d1803000000aabbcc", "hex");

describe.each([1, 511, 1 << 20])("Inflater in chunks of %i bytes", (chunkBytes) => {
  test.each<[string, string, Buffer, Buffer]>([
    ["plain", "", CONTENT, CONTENT],
    ["nothing", "", Buffer.alloc(0), Buffer.alloc(0)],
    ["three bytes", "", Buffer.from("abc"), Buffer.from("abc")],
    ["gzip", "+gzip", gzipSync(CONTENT), CONTENT],
    ["empty gzip", "+gzip", gzipSync(""), Buffer.alloc(0)],
    [
      "gzip members",
      "+gzip",
      Buffer.concat([gzipSync(SMALL), gzipSync(""), gzipSync(SMALL)]),
      Buffer.concat([SMALL, SMALL]),
    ],
    ["gzip and zeros", "+gzip", Buffer.concat([gzipSync(SMALL), Buffer.alloc(1000)]), SMALL],
    ["zstd", "+zstd", zstd(CONTENT), CONTENT],
    ["checked zstd", "+zstd", zstd(CONTENT, checked), CONTENT],
    [
      "zstd frames",
      "+zstd",
      Buffer.concat([
        SKIPPABLE,
        zstd(SMALL),
        SKIPPABLE,
        zstd(SMALL, checked),
        zstd(Buffer.alloc(0)),
        SKIPPABLE,
      ]),
      Buffer.concat([SMALL, SMALL]),
    ],
    ["zstd of equal bytes", "+zstd", zstd(Buffer.alloc(1 << 20)), Buffer.alloc(1 << 20)],
  ])("reads %s", (...[, suffix, input, content]) => {
    const { bytes, warnings } = inflate(input, `${TAR}${suffix}`, chunkBytes);
    expect(bytes.equals(content)).toBe(true);
    expect(warnings).toEqual([]);
  });

  test.each<[string, Buffer, string | RegExp]>([
    [
      "bytes after gzip",
      Buffer.concat([gzipSync(SMALL), Buffer.from("JUNK")]),
      "does not decompress",
    ],
    [
      "a byte after the zeros after gzip",
      Buffer.concat([gzipSync(SMALL), Buffer.from("\0\0\0x")]),
      "other bytes after",
    ],
    [
      "half a gzip member behind another",
      Buffer.concat([gzipSync(SMALL), gzipSync(SMALL).subarray(0, 1)]),
      "cut off",
    ],
    [
      "a wrong gzip checksum",
      flipped(gzipSync(SMALL), -5),
      "does not decompress: incorrect data check",
    ],
    [
      "a wrong gzip length",
      flipped(gzipSync(SMALL), -1),
      "does not decompress: incorrect length check",
    ],
    ["wrong gzip data", flipped(gzipSync(CONTENT), 5000), "does not decompress"],
    [
      "bytes after zstd",
      Buffer.concat([zstd(SMALL), Buffer.from("JUNK")]),
      /belong to none|Unknown frame/,
    ],
    [
      "zeros after zstd",
      Buffer.concat([zstd(SMALL), Buffer.alloc(4)]),
      /belong to none|Unknown frame/,
    ],
    ["a wrong zstd checksum", flipped(zstd(SMALL, checked), -1), "does not decompress"],
  ])("refuses %s", (_, input, reason) => {
    expect(() => inflate(input, `${TAR}+gzip`, chunkBytes)).toThrow(reason);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ 0x55;
  return copy;
}

test.each([
  ["gzip", gzipSync(SMALL)],
  ["gzip members", Buffer.concat([gzipSync("ab"), gzipSync(SMALL)])],
  ["zstd", zstd(SMALL)],
  ["checked zstd", zstd(SMALL, checked)],
  ["zstd behind a skippable frame", Buffer.concat([SKIPPABLE, zstd(SMALL)])],
])("Inflater refuses %s that is cut off anywhere", (name, whole) => {
  const first =
    name === "gzip members"
      ? gzipSync("ab").length
      : name.includes("skippable")
        ? SKIPPABLE.length
        : -1;
  for (let length = 4; length < whole.length; length += stepAt(length, whole.length))
    if (length !== first)
      expect(() => inflate(whole.subarray(0, length), `${TAR}+gzip`)).toThrow("cut off");
});

test.each([
  ["+gzip", SMALL, "its media type says compression gzip, its first bytes say none"],
  ["", gzipSync(SMALL), "its media type says compression none, its first bytes say gzip"],
  ["+gzip", zstd(SMALL), "its media type says compression gzip, its first bytes say zstd"],
])("Inflater for %p warns of other first bytes", (suffix, input, warning) => {
  const { bytes, warnings } = inflate(input, `${TAR}${suffix}`);
  expect(bytes.equals(SMALL)).toBe(true);
  expect(warnings).toEqual([warning]);
});

/** All lengths near headers and trailers, and some between them. */
function stepAt(length: number, whole: number): number {
  return length < 40 || length > whole - 100 ? 1 : 59;
}

test("createInflater() refuses the media type of no layer", () => {
  expect(() => createInflater("text/plain", () => {})).toThrow("not one of a layer");
});

/** A frame header with a window of 256 MiB, which the decoder would allocate at once. */
test("Inflater refuses a zstd window beyond 128 MiB", () => {
  const header = Buffer.from("28b52ffd0090", "hex"); // Window log 28.
  const block = Buffer.from([0x01 | (4 << 3), 0, 0, 1, 2, 3, 4]);
  expect(() => inflate(Buffer.concat([header, block]), `${TAR}+zstd`)).toThrow("too much memory");
});

test("Inflater emits the same bytes for chunks of any size", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 });
  const inputs = [
    gzipSync(CONTENT),
    Buffer.concat([zstd(SMALL), SKIPPABLE, zstd(CONTENT, checked)]),
  ];
  const whole = inputs.map((input) => inflate(input, `${TAR}+gzip`).bytes);
  fc.assert(
    fc.property(sizes, fc.nat(1), (lengths, which) => {
      const pieces: Buffer[] = [];
      const inflater = createInflater(`${TAR}+gzip`, () => {});
      const input = inputs[which] ?? SMALL;
      for (let at = 0, turn = 0; at < input.length; turn += 1) {
        const length = lengths[turn % lengths.length] ?? 1;
        inflater.write(input.subarray(at, at + length), (bytes) => pieces.push(Buffer.from(bytes)));
        at += length;
      }
      inflater.end(() => {});
      expect(Buffer.concat(pieces).equals(whole[which] ?? SMALL)).toBe(true);
    }),
    { numRuns: 30 },
  );
});
