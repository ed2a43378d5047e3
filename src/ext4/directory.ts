import { viewOf } from "../lib/view.ts";
import { assert } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { byteString, byteStringOf } from "../lib/byte-string.ts";
import type { TreeNode } from "../layer/tree.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { crc32c, type ReadSeed } from "./checksum.ts";
import { get, u16, u32, u8 } from "./field.ts";

/** struct ext4_dir_entry_2 and its tail: https://docs.kernel.org/filesystems/ext4/directory.html */
export const ENTRY = {
  inode: u32(0),
  recordBytes: u16(4),
  nameBytes: u8(6),
  fileType: u8(7),
} as const;
export const ENTRY_HEADER_BYTES = 8;
const TAIL_BYTES = 12;
const TAIL_FILE_TYPE = 0xde;
const TAIL_CHECKSUM = u32(8);
/** The space for entries in one block. */
export const ENTRIES_BYTES = BLOCK_BYTES - TAIL_BYTES;
export const NAME_BYTES_MAX = 255;

const FILE_TYPE: Readonly<Record<TreeNode["kind"], number>> = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  symlink: 7,
};

export interface DirectoryEntry {
  readonly name: ByteString;
  readonly inode: number;
  readonly kind: TreeNode["kind"];
}

/** The inode numbers of a directory and its parent, and the directory's entries sorted by name. */
export interface DirectoryContent {
  readonly inode: number;
  readonly parent: number;
  readonly entries: readonly DirectoryEntry[];
}

export function recordBytesOf(name: ByteString): number {
  return ENTRY_HEADER_BYTES + ((name.length + 3) & ~3);
}

const DOT = byteStringOf(".");
const DOT_DOT = byteStringOf("..");

export function dotEntries(content: DirectoryContent): readonly [DirectoryEntry, DirectoryEntry] {
  return [
    { name: DOT, inode: content.inode, kind: "directory" },
    { name: DOT_DOT, inode: content.parent, kind: "directory" },
  ];
}

/** Whether all entries fit into one block. Then the directory needs no index. */
export function fitsOneBlock(content: DirectoryContent): boolean {
  let bytes = 2 * recordBytesOf(DOT_DOT);
  for (const { name } of content.entries) {
    bytes += recordBytesOf(name);
    if (bytes > ENTRIES_BYTES) return false;
  }
  return true;
}

/** Encodes a directory for which fitsOneBlock() is true. */
export function encodeDirectory(content: DirectoryContent, seed: number): Uint8Array {
  const [dot, dotDot] = dotEntries(content);
  return encodeLeaf([dot, dotDot].concat(content.entries), seed);
}

/** Encodes one block of entries, which may be empty. `seed` is the inode's checksum seed. */
export function encodeLeaf(entries: readonly DirectoryEntry[], seed: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const view = viewOf(block);
  let at = 0;
  let last = 0;
  for (const entry of entries) {
    last = at;
    at += recordBytesOf(entry.name);
    assert(at <= ENTRIES_BYTES, "the entries fit their block");
    putEntry(view, entry, { at: last, recordBytes: at - last });
  }
  view.setUint16(last + ENTRY.recordBytes.offset, ENTRIES_BYTES - last, true);
  view.setUint16(ENTRIES_BYTES + ENTRY.recordBytes.offset, TAIL_BYTES, true);
  view.setUint8(ENTRIES_BYTES + ENTRY.fileType.offset, TAIL_FILE_TYPE);
  const checksum = crc32c(seed, block, 0, ENTRIES_BYTES);
  view.setUint32(ENTRIES_BYTES + TAIL_CHECKSUM.offset, checksum, true);
  return block;
}

/** Writes `entry` at the offset `at` of a zeroed block, with a record length of `recordBytes`. */
export function putEntry(
  block: DataView,
  { name, inode, kind }: DirectoryEntry,
  { at, recordBytes }: { readonly at: number; readonly recordBytes: number },
): void {
  block.setUint32(at + ENTRY.inode.offset, inode, true);
  block.setUint16(at + ENTRY.recordBytes.offset, recordBytes, true);
  block.setUint8(at + ENTRY.nameBytes.offset, name.length);
  block.setUint8(at + ENTRY.fileType.offset, FILE_TYPE[kind]);
  const nameAt = at + ENTRY_HEADER_BYTES;
  for (let index = 0; index < name.length; index += 1)
    block.setUint8(nameAt + index, name.charCodeAt(index));
}

/** A name in a directory and its inode number. */
export interface DirectoryLink {
  readonly name: ByteString;
  readonly inode: number;
}

/**
 * Decodes the names in one block of a directory, without "." and "..". A block of an index has the form of a block
 * without other names, so it needs no special case. Its checksum has another form and is not compared. Throws
 * BadFileSystem.
 */
export function decodeDirectory(block: Uint8Array, seed: ReadSeed): DirectoryLink[] {
  const tail = viewOf(block.subarray(ENTRIES_BYTES));
  const isLeaf = get(tail, ENTRY.fileType) === TAIL_FILE_TYPE && get(tail, ENTRY.inode) === 0;
  if (
    seed !== undefined &&
    isLeaf &&
    get(tail, TAIL_CHECKSUM) !== crc32c(seed, block, 0, ENTRIES_BYTES)
  )
    throw new BadFileSystem("the checksum of a directory is wrong");
  const links: DirectoryLink[] = [];
  for (let at = 0; at < BLOCK_BYTES;) {
    const record = viewOf(block.subarray(at));
    const recordBytes = get(record, ENTRY.recordBytes);
    const nameBytes = get(record, ENTRY.nameBytes);
    const fits = recordBytes >= ENTRY_HEADER_BYTES + nameBytes && at + recordBytes <= BLOCK_BYTES;
    if (!fits || recordBytes % 4 !== 0) throw new BadFileSystem("a directory is damaged");
    const start = at + ENTRY_HEADER_BYTES;
    const name = byteString(block.subarray(start, start + nameBytes));
    const inode = get(record, ENTRY.inode);
    if (inode !== 0 && name !== "." && name !== "..") links.push({ name, inode });
    at += recordBytes;
  }
  return links;
}
