import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import { crc32c, CRC_START } from "../../src/ext4/checksum.ts";
import { uuidBytes } from "../../src/ext4/identity.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { encodeBlock0, encodeSuperblock } from "../../src/ext4/superblock.ts";
import { byteStringOf } from "../../src/lib/byte-string.ts";
import { GiB } from "../../src/lib/units.ts";
import { IDENTITY } from "../fakes/ext4-image.ts";

const VALUES = {
  geometry: planGeometry(1 * GiB),
  freeBlocks: 1234,
  freeInodes: 567,
  uuid: uuidBytes(IDENTITY.uuid),
  hashSeed: new Uint8Array(16).fill(5),
  label: byteStringOf("sixteen bytes :)"),
  timeSeconds: 2 ** 32 + 7,
  checksums: "metadata",
} as const;

// The offsets are from the kernel's documentation of struct ext4_super_block.
test.each([
  ["s_inodes_count", 0x00, 65_536],
  ["s_blocks_count_lo", 0x04, 262_144],
  ["s_r_blocks_count_lo", 0x08, 0],
  ["s_free_blocks_count_lo", 0x0c, 1234],
  ["s_free_inodes_count", 0x10, 567],
  ["s_first_data_block", 0x14, 0],
  ["s_log_block_size", 0x18, 2],
  ["s_blocks_per_group", 0x20, 32_768],
  ["s_inodes_per_group", 0x28, 8192],
  ["s_wtime", 0x30, 7],
  ["s_magic and s_state", 0x38, 0x1ef53],
  ["s_rev_level", 0x4c, 1],
  ["s_first_ino", 0x54, 11],
  ["s_inode_size and s_block_group_nr", 0x58, 0x3_0100],
  ["s_feature_compat", 0x5c, 0x28],
  ["s_feature_incompat", 0x60, 0x242],
  ["s_feature_ro_compat", 0x64, 0x46b],
  ["s_mkfs_time", 0x108, 7],
  ["s_flags", 0x160, 2],
  ["s_log_groups_per_flex and s_checksum_type", 0x174, 0x11f],
  ["s_wtime_hi to s_lastcheck_hi", 0x274, 0x1010001],
])("encodeSuperblock() stores %s", (_, offset, want) => {
  expect(viewOf(encodeSuperblock(VALUES, 3)).getUint32(offset, true)).toBe(want);
});

test("encodeSuperblock() stores UUID, label and hash seed", () => {
  const bytes = encodeSuperblock(VALUES, 0);
  expect(bytes.subarray(0x68, 0x78).toHex()).toBe(IDENTITY.uuid.replaceAll("-", ""));
  expect(Buffer.from(bytes.subarray(0x78, 0x88)).toString()).toBe("sixteen bytes :)");
  expect(bytes.subarray(0xec, 0xfc)).toEqual(VALUES.hashSeed);
});

test("encodeSuperblock() ends with its checksum", () => {
  const bytes = encodeSuperblock(VALUES, 0);
  expect(viewOf(bytes).getUint32(0x3fc, true)).toBe(crc32c(CRC_START, bytes.subarray(0, 0x3fc)));
});

test("encodeSuperblock() without metadata checksums has those of the descriptors alone", () => {
  const view = viewOf(encodeSuperblock({ ...VALUES, checksums: "descriptors" }, 3));
  expect(view.getUint32(0x64, true)).toBe(0x7b);
  expect(view.getUint32(0x174, true)).toBe(0x1f);
  expect(view.getUint32(0x3fc, true)).toBe(0);
});

test("encodeBlock0() leaves the boot sectors zero", () => {
  const block = encodeBlock0(VALUES);
  expect(block).toHaveLength(4096);
  expect(block.subarray(0, 1024).every((byte) => byte === 0)).toBeTrue();
  expect(block.subarray(1024, 2048)).toEqual(encodeSuperblock(VALUES, 0));
});
