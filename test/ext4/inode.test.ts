import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import { crc32c } from "../../src/ext4/checksum.ts";
import type { InodeValues } from "../../src/ext4/inode.ts";
import { encodeInode, INODE_BYTES, inodeSeed, putInodeChecksum } from "../../src/ext4/inode.ts";
import { fifo } from "../fakes/ext4-image.ts";

const VALUES: InodeValues = {
  kind: "file",
  attributes: fifo({ mode: 0o4755, uid: 4_294_967_294, gid: 65_536 }),
  sizeBytes: 2 ** 32 + 1,
  links: 3,
  blocks: 2 ** 30,
  flags: 0x80000,
  xattrBlock: 77,
  makeTime: { seconds: 1_700_000_000, nanoseconds: 0 },
};

function encode(values: Partial<InodeValues> = {}): DataView {
  const view = viewOf(new Uint8Array(INODE_BYTES));
  view.setUint32(0x60, 0xeeeeeeee, true);
  encodeInode(view, { ...VALUES, ...values });
  return view;
}

// The offsets are from the kernel's documentation of struct ext4_inode.
test.each([
  ["i_mode", [0x00, 2], 0o104755],
  ["i_uid", [0x02, 2], 0xfffe],
  ["l_i_uid_high", [0x78, 2], 0xffff],
  ["i_gid", [0x18, 2], 0],
  ["l_i_gid_high", [0x7a, 2], 1],
  ["i_size_lo", [0x04, 4], 1],
  ["i_size_high", [0x6c, 4], 1],
  ["i_links_count", [0x1a, 2], 3],
  ["i_blocks_lo", [0x1c, 4], 0],
  ["l_i_blocks_high", [0x74, 2], 2],
  ["i_flags", [0x20, 4], 0x80000],
  ["i_dtime", [0x14, 4], 0],
  ["i_block, which is not its affair", [0x60, 4], 0xeeeeeeee],
  ["i_generation", [0x64, 4], 0],
  ["i_file_acl_lo", [0x68, 4], 77],
  ["i_extra_isize", [0x80, 2], 32],
  ["i_atime", [0x08, 4], 1_600_000_000],
  ["i_ctime", [0x0c, 4], 1_600_000_000],
  ["i_mtime", [0x10, 4], 1_600_000_000],
  ["i_ctime_extra", [0x84, 4], 123_456_789 * 4],
  ["i_mtime_extra", [0x88, 4], 123_456_789 * 4],
  ["i_atime_extra", [0x8c, 4], 123_456_789 * 4],
  ["i_crtime", [0x90, 4], 1_700_000_000],
] as const)("encodeInode() stores %s", (_, [offset, bytes], want) => {
  const view = encode();
  expect(bytes === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true)).toBe(want);
});

test.each([
  ["fifo", 0x1],
  ["character", 0x2],
  ["directory", 0x4],
  ["block", 0x6],
  ["file", 0x8],
  ["symlink", 0xa],
] as const)("encodeInode() stores the type of a %s", (kind, want) => {
  expect(encode({ kind }).getUint16(0, true) >> 12).toBe(want);
});

test("putInodeChecksum() computes the checksum with a zero in its place", () => {
  const view = encode();
  const bytes = new Uint8Array(view.buffer);
  const want = crc32c(inodeSeed(1, 12), bytes);
  putInodeChecksum(bytes, view, inodeSeed(1, 12));
  expect(view.getUint16(0x7c, true) + view.getUint16(0x82, true) * 65_536).toBe(want);
  expect(inodeSeed(1, 12)).not.toBe(inodeSeed(1, 13));
});
