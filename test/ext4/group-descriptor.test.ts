import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import { crc16, CRC16_START, crc32c, crc32cOfWord } from "../../src/ext4/checksum.ts";
import { encodeDescriptor, sealDescriptorAlone } from "../../src/ext4/group-descriptor.ts";

const VALUES = {
  blockBitmap: 2,
  inodeBitmap: 3,
  inodeTable: 4,
  freeBlocks: 5,
  freeInodes: 6,
  directories: 7,
  flags: 2,
  blockBitmapChecksum: 0x12345678,
  inodeBitmapChecksum: 0x9abcdef0,
  unusedInodes: 8,
} as const;

function encode(group: number): Uint8Array {
  const bytes = new Uint8Array(32);
  encodeDescriptor(bytes, VALUES, { group, seed: 1 });
  return bytes;
}

test("encodeDescriptor() stores its fields, and the lower half of checksums", () => {
  expect(encode(0).subarray(0, 30).toHex()).toBe(
    "0200000003000000040000000500060007000200000000007856f0de0800",
  );
});

test("encodeDescriptor() ends with a checksum that depends on the group", () => {
  for (const group of [0, 1]) {
    const bytes = encode(group);
    const without = bytes.slice();
    without.fill(0, 30);
    const want = crc32c(crc32cOfWord(1, group), without) & 0xffff;
    expect(viewOf(bytes).getUint16(30, true)).toBe(want);
  }
  expect(encode(0)).not.toEqual(encode(1));
});

test("sealDescriptorAlone() covers the UUID, the group and all other bytes", () => {
  const uuid = new Uint8Array(16).fill(9);
  const bytes = encode(3);
  sealDescriptorAlone(bytes, uuid, 3);
  const covered = Buffer.concat([uuid, Uint8Array.of(3, 0, 0, 0), encode(3).subarray(0, 30)]);
  expect(viewOf(bytes).getUint16(30, true)).toBe(crc16(CRC16_START, covered));
});
