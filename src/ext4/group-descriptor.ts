import { viewOf } from "../lib/view.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { crc32c, crc32cOfWord } from "./checksum.ts";
import { get, put, putAll, u16, u32 } from "./field.ts";

/** Without the 64bit feature. */
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

/** The bitmap was never written: nothing of its kind is in use. */
export const GROUP_FLAG = { inodesUninitialized: 0x1, blocksUninitialized: 0x2 } as const;

export type DescriptorValues = Readonly<
  Record<Exclude<keyof typeof DESCRIPTOR, "checksum">, number>
>;

/** Fills `bytes`, which has to be zero, with the descriptor of `group`. `seed` is the file system's checksum seed. */
export function encodeDescriptor(
  bytes: Uint8Array,
  values: DescriptorValues,
  { group, seed }: { readonly group: number; readonly seed: number },
): void {
  const view = viewOf(bytes);
  putAll(view, DESCRIPTOR, values);
  put(view, DESCRIPTOR.checksum, crc32c(crc32cOfWord(seed, group), bytes));
}

/** What encodeDescriptor() made. Throws BadFileSystem. */
export function decodeDescriptor(
  bytes: Uint8Array,
  { group, seed }: { readonly group: number; readonly seed: number },
): { readonly inodeTable: number } {
  const copy = bytes.slice();
  const view = viewOf(copy);
  const checksum = get(view, DESCRIPTOR.checksum);
  put(view, DESCRIPTOR.checksum, 0);
  // Its field has 16 of the 32 bits.
  if ((crc32c(crc32cOfWord(seed, group), copy) & 0xffff) !== checksum)
    throw new BadFileSystem(`the checksum of group ${group} is wrong`);
  return { inodeTable: get(view, DESCRIPTOR.inodeTable) };
}
