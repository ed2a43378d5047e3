import { expect, test } from "bun:test";
import fc from "fast-check";
import { bytesOf, byteString, byteStringOf, display } from "../../src/lib/byte-string.ts";

test("bytesOf() reverses byteString(), for all bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = byteString(bytes);
      expect(text).toHaveLength(bytes.byteLength);
      expect(Buffer.compare(bytesOf(text), bytes)).toBe(0);
    }),
  );
});

test("byteString() reads only the given part of a buffer", () => {
  const buffer = new TextEncoder().encode("abcdef");
  expect<string>(byteString(buffer.subarray(2, 4))).toBe("cd");
});

test("byteStringOf() holds the UTF-8 bytes of a text", () => {
  expect([...bytesOf(byteStringOf("é€"))]).toEqual([0xc3, 0xa9, 0xe2, 0x82, 0xac]);
});

test.each([
  [[0x2f, 0x61], "/a"],
  [[0xc3, 0xa9], "é"],
  [[0x61, 0x0a, 0x1b, 0x7f], String.raw`a\x0a\x1b\x7f`],
  [[0xc2, 0x9b], String.raw`\x9b`],
  [[0x61, 0xff, 0xc3, 0xa9], String.raw`a\xff\xc3\xa9`],
  [[], ""],
])("display() of the bytes %p is %p", (bytes, text) => {
  expect(display(byteString(Uint8Array.from(bytes)))).toBe(text);
});

test("display() escapes every control character", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(display(byteString(bytes))).not.toMatch(/\p{Cc}/u);
    }),
  );
});
