import { viewOf } from "../lib/view.ts";
import { assert } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { bytesOf, display } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import { alignUp } from "../lib/units.ts";
import type { Xattr } from "../tar/entry.ts";
import { encodeAcl } from "./acl.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { crc32c, crc32cOfWord } from "./checksum.ts";
import { put, u16, u32, u8 } from "./field.ts";

/** struct ext4_xattr_header, ext4_xattr_entry: https://docs.kernel.org/filesystems/ext4/attributes.html */
const HEADER = {
  magic: u32(0x00),
  references: u32(0x04),
  blocks: u32(0x08),
  hash: u32(0x0c),
  checksum: u32(0x10),
} as const;
const HEADER_BYTES = 32;
const ENTRY = {
  nameBytes: u8(0x00),
  nameIndex: u8(0x01),
  valueOffset: u16(0x02),
  valueBytes: u32(0x08),
  hash: u32(0x0c),
} as const;
const ENTRY_HEADER_BYTES = 16;
const MAGIC = 0xea020000;
/** The size of the zero word that ends the entries. */
const END_BYTES = 4;
const NAME_BYTES_MAX = 255;

/** ext4 stores a number in place of the prefix. `exact`: the prefix is the whole name. */
const NAMESPACES = [
  { prefix: "system.posix_acl_access", index: 2, exact: true },
  { prefix: "system.posix_acl_default", index: 3, exact: true },
  { prefix: "user.", index: 1, exact: false },
  { prefix: "trusted.", index: 4, exact: false },
  { prefix: "security.", index: 6, exact: false },
] as const;

/** An extended attribute in the form of ext4. */
export interface StoredXattr {
  readonly index: number;
  /** The name without its prefix. */
  readonly name: ByteString;
  readonly value: ByteString;
}

/**
 * Converts xattrs to the form and order of ext4. Leaves out names that no Linux file system supports ("com.apple.…"),
 * as all container tools do. Throws "content" for malformed attributes; `path` is for the message.
 */
export function storedXattrs(xattrs: readonly Xattr[], path: () => string): StoredXattr[] {
  const byName = new Map(xattrs.map((xattr) => [xattr.name, xattr.value]));
  return [...byName]
    .flatMap(([name, value]) => stored(name, value) ?? [])
    .map((xattr) => checked(xattr, path))
    .toSorted(compare);
}

function stored(name: ByteString, value: ByteString): StoredXattr | undefined {
  for (const { prefix, index, exact } of NAMESPACES) {
    if (exact ? name !== prefix : !name.startsWith(prefix) || name.length === prefix.length)
      continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- A part of a ByteString is one.
    return { index, name: name.slice(prefix.length) as ByteString, value };
  }
  return undefined;
}

function checked(xattr: StoredXattr, path: () => string): StoredXattr {
  if (xattr.name.length > NAME_BYTES_MAX)
    throw new TandemError(
      "content",
      `Cannot store extended attribute "${display(xattr.name)}" of "${path()}": its name has more than ${NAME_BYTES_MAX} bytes`,
    );
  if (xattr.index !== 2 && xattr.index !== 3) return xattr;
  const value = encodeAcl(xattr.value);
  if (value === undefined)
    throw new TandemError("content", `Cannot store the ACL of "${path()}": it is malformed`);
  return { ...xattr, value };
}

/** The order that the kernel's search in a block requires. */
function compare(one: StoredXattr, other: StoredXattr): number {
  return (
    one.index - other.index ||
    one.name.length - other.name.length ||
    (one.name < other.name ? -1 : Number(one.name > other.name))
  );
}

/** Stores the xattrs that fit into the inode, and returns the others. `area` is the zeroed end of the inode. */
export function putInodeXattrs(
  area: Uint8Array,
  xattrs: readonly StoredXattr[],
): readonly StoredXattr[] {
  let left = area.byteLength - 4 - END_BYTES;
  const inside: StoredXattr[] = [];
  const outside: StoredXattr[] = [];
  for (const xattr of xattrs) {
    const bytes = storedBytes(xattr);
    (bytes <= left ? inside : outside).push(xattr);
    if (bytes <= left) left -= bytes;
  }
  if (inside.length === 0) return outside;
  put(viewOf(area), HEADER.magic, MAGIC);
  putXattrs(area.subarray(4), inside, 0);
  return outside;
}

/** Encodes the block for the xattrs that do not fit into the inode, without its checksum. Throws "no-space". */
export function encodeXattrBlock(xattrs: readonly StoredXattr[], path: () => string): Uint8Array {
  const needBytes = xattrs.reduce((sum, xattr) => sum + storedBytes(xattr), 0);
  const haveBytes = BLOCK_BYTES - HEADER_BYTES - END_BYTES;
  if (needBytes > haveBytes)
    throw new TandemError(
      "no-space",
      `Cannot store the extended attributes of "${path()}": they need ${needBytes} bytes, ext4 has ${haveBytes}`,
    );
  const block = new Uint8Array(BLOCK_BYTES);
  const view = viewOf(block);
  const hashes = putXattrs(block.subarray(HEADER_BYTES), xattrs, HEADER_BYTES);
  put(view, HEADER.magic, MAGIC);
  put(view, HEADER.references, 1);
  put(view, HEADER.blocks, 1);
  put(
    view,
    HEADER.hash,
    hashes.reduce((sum, hash) => mix(sum, hash), 0),
  );
  return block;
}

/** Stores the checksum, which depends on the block number. `seed` is the file system's checksum seed. */
export function putXattrChecksum(block: Uint8Array, blockNumber: number, seed: number): void {
  const start = crc32cOfWord(crc32cOfWord(seed, blockNumber), 0);
  put(viewOf(block), HEADER.checksum, crc32c(start, block));
}

function storedBytes({ name, value }: StoredXattr): number {
  return ENTRY_HEADER_BYTES + alignUp(name.length, 4) + alignUp(value.length, 4);
}

/**
 * Stores entries from the start and values from the end. Value offsets are relative to `baseBytes` before `area`.
 * Returns the entries' hashes.
 */
function putXattrs(
  area: Uint8Array,
  xattrs: readonly StoredXattr[],
  baseBytes: number,
): readonly number[] {
  let at = 0;
  let end = area.byteLength;
  return xattrs.map(({ index, name, value }) => {
    const entry = viewOf(area.subarray(at));
    end -= alignUp(value.length, 4);
    assert(at + ENTRY_HEADER_BYTES + name.length <= end, "xattrs fit their place");
    const hash = entryHash(bytesOf(name), area, { at: end, value });
    put(entry, ENTRY.nameBytes, name.length);
    put(entry, ENTRY.nameIndex, index);
    put(entry, ENTRY.valueOffset, value.length === 0 ? 0 : baseBytes + end);
    put(entry, ENTRY.valueBytes, value.length);
    // The kernel stores no hash in an inode.
    put(entry, ENTRY.hash, baseBytes === 0 ? 0 : hash);
    area.set(bytesOf(name), at + ENTRY_HEADER_BYTES);
    at += ENTRY_HEADER_BYTES + alignUp(name.length, 4);
    return hash;
  });
}

/** Stores the value at the offset `at`. Returns the hash of the name's bytes and the value's padded words. */
function entryHash(
  name: Uint8Array,
  area: Uint8Array,
  { at, value }: { readonly at: number; readonly value: ByteString },
): number {
  area.set(bytesOf(value), at);
  const words = viewOf(area.subarray(at, at + alignUp(value.length, 4)));
  let hash = 0;
  for (const byte of name) hash = (hash << 5) ^ (hash >>> 27) ^ byte;
  for (let word = 0; word < words.byteLength; word += 4)
    hash = mix(hash, words.getUint32(word, true));
  return hash >>> 0;
}

function mix(hash: number, word: number): number {
  return ((hash << 16) ^ (hash >>> 16) ^ word) >>> 0;
}
