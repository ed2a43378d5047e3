import { viewOf } from "../lib/view.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { crc16, CRC16_START, crc32c, crc32cOfWord, type ReadSeed } from "./checksum.ts";
import { get, put, putAll, u16, u32 } from "./field.ts";

/** The size without the 64bit feature. */
export const DESCRIPTOR_BYTES = 32;

/** struct ext4_group_desc, https://docs.kernel.org/filesystems/ext4/group_descr.html */
export const DESCRIPTOR = {
  blockBitmap: u32(0x00),
  inodeBitmap: u32(0x04),
  inodeTable: u32(0x08),
  freeBlocks: u16(0x0c),
  freeInodes: u16(0x0e),
  directories: u16(0x10),
  flags: u16(0x12),
  blockBitmapChecksum: u16(0x18),
  inodeBitmapChecksum: u16(0x1a),
  unusedInodes: u16(0x1c),
  checksum: u16(0x1e),
} as const;

/** The group's bitmap was never written, because the group has no used inodes or no used blocks. */
export const GROUP_FLAG = { inodesUninitialized: 0x1, blocksUninitialized: 0x2 } as const;

/** The field stores 16 of the 32 bits of a checksum. */
const LOWER_HALF = 0xffff;

export type DescriptorValues = Readonly<
  Record<Exclude<keyof typeof DESCRIPTOR, "checksum">, number>
>;

/** Writes the descriptor of `group` to `bytes`, which must be zero. `seed` is the file system's checksum seed. */
export function encodeDescriptor(
  bytes: Uint8Array,
  values: DescriptorValues,
  { group, seed }: { readonly group: number; readonly seed: number },
): void {
  const view = viewOf(bytes);
  putAll(view, DESCRIPTOR, values);
  put(view, DESCRIPTOR.checksum, crc32c(crc32cOfWord(seed, group), bytes));
}

/** Replaces the checksum of encodeDescriptor() by that of a file system where only descriptors have checksums. */
export function sealDescriptorAlone(bytes: Uint8Array, uuid: Uint8Array, group: number): void {
  put(viewOf(bytes), DESCRIPTOR.checksum, checksumAlone(bytes, uuid, group));
}

function checksumAlone(bytes: Uint8Array, uuid: Uint8Array, group: number): number {
  const number = new Uint8Array(4);
  viewOf(number).setUint32(0, group, true);
  const seed = crc16(crc16(CRC16_START, uuid), number);
  return crc16(seed, bytes.subarray(0, DESCRIPTOR.checksum.offset));
}

/** Decodes a descriptor that encodeDescriptor() has made. Throws BadFileSystem. */
export function decodeDescriptor(
  bytes: Uint8Array,
  of: { readonly group: number; readonly seed: ReadSeed; readonly uuid: Uint8Array },
): Pick<DescriptorValues, "blockBitmap" | "inodeTable" | "flags"> {
  const { group, seed, uuid } = of;
  const copy = bytes.slice();
  const view = viewOf(copy);
  const checksum = get(view, DESCRIPTOR.checksum);
  put(view, DESCRIPTOR.checksum, 0);
  const want =
    seed === undefined
      ? checksumAlone(copy, uuid, group)
      : crc32c(crc32cOfWord(seed, group), copy) & LOWER_HALF;
  if (want !== checksum) throw new BadFileSystem(`the checksum of group ${group} is wrong`);
  return {
    blockBitmap: get(view, DESCRIPTOR.blockBitmap),
    inodeTable: get(view, DESCRIPTOR.inodeTable),
    flags: get(view, DESCRIPTOR.flags),
  };
}
