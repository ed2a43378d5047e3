import { expect, test } from "bun:test";
import fc from "fast-check";
import { crc16, CRC16_START, crc32c, CRC_START, crc32cOfWord } from "../../src/ext4/checksum.ts";

/** The usual CRC-32C, which inverts the result. */
const standard = (bytes: Uint8Array): number => ~crc32c(CRC_START, bytes) >>> 0;

// The values of RFC 3720, appendix B.4, and the usual check value.
test.each([
  ["nine digits", Buffer.from("123456789"), 0xe3069283],
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["0 to 31", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ["nothing", new Uint8Array(0), 0],
])("crc32c() of %s", (_, bytes, want) => {
  expect(standard(bytes)).toBe(want);
});

test("crc32c() continues from a previous result", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(64), (bytes, cut) => {
      const first = crc32c(CRC_START, bytes.subarray(0, cut));
      expect(crc32c(first, bytes.subarray(cut))).toBe(crc32c(CRC_START, bytes));
    }),
  );
});

test("crc32cOfWord() reads the bytes of a number in little-endian order", () => {
  expect(crc32cOfWord(7, 0x04030201)).toBe(crc32c(7, Uint8Array.of(1, 2, 3, 4)));
});

test("crc16() has the usual check value of this polynomial and start", () => {
  expect(crc16(CRC16_START, Buffer.from("123456789"))).toBe(0x4b37);
});
