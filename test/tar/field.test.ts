import { expect, test } from "bun:test";
import fc from "fast-check";

import { readDecimal, readNumber, readOctal, readTextField } from "../../src/tar/field.ts";

/** A field between two others, which readNumber() must not read. */
function block(content: string | readonly number[]): Buffer {
  const field = typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(content);
  return Buffer.concat([Buffer.from("77"), field, Buffer.from("77")]);
}
const fieldOf = (bytes: number) => ({ name: "size", at: 1, bytes });

test.each([
  ["0000644\0", 0o644],
  ["  644 \0\0", 0o644],
  ["    644 ", 0o644],
  ["00000644", 0o644],
  ["\0\0\0\0\0\0\0\0", 0],
  ["        ", 0],
  ["12\x00garbage", 0o12],
  ["77777777777\0", 0o77777777777],
])("readNumber(%p) is %i", (content, value) => {
  expect(readNumber(block(content), 1, fieldOf(content.length))).toBe(value);
});

test.each(["0000648\0", "-0000001", "12 34\0\0\0", "0x1f\0\0\0\0", "1.5\0\0\0\0\0"])(
  "readNumber(%p) is refused",
  (content) => {
    expect(() => readNumber(block(content), 1, fieldOf(8))).toThrow("no number in size");
  },
);

test.each([
  [[0x80, 0, 0, 0, 0, 0, 1, 0], 256],
  [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -1],
  [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00], -256],
  [[0x80, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Number.MAX_SAFE_INTEGER],
])("readNumber(%p) is %i", (content, value) => {
  expect(readNumber(block(content), 1, fieldOf(content.length))).toBe(value);
});

test.each([[[0x80, 0x20, 0, 0, 0, 0, 0, 0]], [[0xbf, ...Array.from({ length: 11 }, () => 0xff)]]])(
  "readNumber(%p) is too large",
  (content) => {
    expect(() => readNumber(block(content), 1, fieldOf(content.length))).toThrow("too large");
  },
);

test("readNumber() reads every two's complement number", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const bytes = Buffer.alloc(12, value < 0 ? 0xff : 0);
      bytes.writeBigInt64BE(BigInt(value), 4);
      bytes[0] = (bytes[0] ?? 0) | 0x80;
      expect(readNumber(block([...bytes]), 1, fieldOf(12))).toBe(value);
    }),
  );
});

test("readOctal() refuses a binary number", () => {
  expect(() => readOctal(block([0x80, 1]), 1, fieldOf(2))).toThrow("no number");
});

test.each([
  ["abc\0def", "abc"],
  ["abc", "abc"],
  ["\0abc", ""],
  ["caf\xe9", "caf\xe9"],
])("readText(%p) is %p", (content, text) => {
  expect<string>(readTextField(block(content), 1, fieldOf(content.length))).toBe(text);
});

test.each([
  ["0", 0],
  ["-5", -5],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
])("readDecimal(%p) is %i", (text, value) => {
  expect(readDecimal(text, "it")).toBe(value);
});

test.each(["", "-", "1.0", " 1", "1e3", "0x1", "9007199254740992", "1".repeat(400)])(
  "readDecimal(%p) is refused",
  (text) => {
    expect(() => readDecimal(text, "its uid")).toThrow("its uid");
  },
);
