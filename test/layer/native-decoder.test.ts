import { expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";

import { NativeDecoder } from "../../src/layer/native-decoder.ts";

const ROOM = new Uint8Array(64 * 1024);
const room = (): Uint8Array => ROOM;
const CONTENT = Buffer.alloc(600_000, "tandem ");

test.each([
  ["gzip", gzipSync(CONTENT)],
  ["zstd", zstdCompressSync(CONTENT)],
] as const)("NativeDecoder decodes %s into the room it is given", (format, input) => {
  const decoder = new NativeDecoder(format, room);
  const pieces: Buffer[] = [];
  let leftBytes = input.length;
  do {
    decoder.decode(input, leftBytes);
    ({ leftBytes } = decoder);
    pieces.push(Buffer.from(decoder.output.subarray(0, decoder.producedBytes)));
  } while (decoder.producedBytes === decoder.output.length);
  if (format === "gzip") decoder.finish();
  decoder.close();
  expect(leftBytes).toBe(0);
  expect(pieces.length).toBeGreaterThan(1);
  expect(Buffer.concat(pieces).equals(CONTENT)).toBe(true);
});

test("NativeDecoder does not read the bytes after a gzip member", () => {
  const decoder = new NativeDecoder("gzip", room);
  const input = Buffer.concat([gzipSync("abc"), Buffer.alloc(7)]);
  decoder.decode(input, input.length);
  expect(decoder.producedBytes).toBe(3);
  expect(decoder.leftBytes).toBe(7);
});

test("NativeDecoder.finish() throws in the middle of a gzip member", () => {
  const decoder = new NativeDecoder("gzip", room);
  const input = gzipSync("abc");
  decoder.decode(input, input.length);
  decoder.finish();
  const cut = new NativeDecoder("gzip", room);
  cut.decode(input.subarray(0, 12), 12);
  expect(() => cut.finish()).toThrow("unexpected end of file");
});

test.each(["gzip", "zstd"] as const)("NativeDecoder throws for data that is not %s", (format) => {
  const decoder = new NativeDecoder(format, room);
  expect(() => decoder.decode(Buffer.from("what is this?"), 13)).toThrow("does not decompress");
});
