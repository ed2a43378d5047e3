import { viewOf } from "../lib/view.ts";
import type { Time } from "../tar/entry.ts";
import type { Attributes } from "../layer/tree.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { crc32c, crc32cOfWord, type ReadSeed } from "./checksum.ts";
import { get, put, u16, u32 } from "./field.ts";
import { clampTime, extraOf } from "./timestamp.ts";

export const INODE_BYTES = 256;
/** The bytes after the first 128 that hold fields: up to i_projid, as in mke2fs. */
export const EXTRA_INODE_BYTES = 32;

/** struct ext4_inode, https://docs.kernel.org/filesystems/ext4/inodes.html. Fields that are not listed stay zero. */
export const INODE = {
  mode: u16(0x00),
  uidLow: u16(0x02),
  sizeLow: u32(0x04),
  accessTime: u32(0x08),
  changeTime: u32(0x0c),
  modifyTime: u32(0x10),
  gidLow: u16(0x18),
  links: u16(0x1a),
  sectorsLow: u32(0x1c),
  flags: u32(0x20),
  xattrBlock: u32(0x68),
  sizeHigh: u32(0x6c),
  sectorsHigh: u16(0x74),
  uidHigh: u16(0x78),
  gidHigh: u16(0x7a),
  checksumLow: u16(0x7c),
  extraBytes: u16(0x80),
  checksumHigh: u16(0x82),
  changeTimeExtra: u32(0x84),
  modifyTimeExtra: u32(0x88),
  accessTimeExtra: u32(0x8c),
  makeTime: u32(0x90),
  makeTimeExtra: u32(0x94),
} as const;
/** The field for the extent tree, a short symlink target, or a device number. */
export const INODE_MAP = { offset: 0x28, bytes: 60 } as const;
export const INODE_XATTRS_OFFSET = 0x80 + EXTRA_INODE_BYTES;

export const INODE_FLAG = { index: 0x1000, extents: 0x80000 } as const;

export const FORMAT_BITS = {
  fifo: 0x1000,
  character: 0x2000,
  directory: 0x4000,
  block: 0x6000,
  file: 0x8000,
  symlink: 0xa000,
} as const;

const SECTORS_PER_BLOCK = 8;

export interface InodeValues {
  readonly kind: keyof typeof FORMAT_BITS;
  readonly attributes: Attributes;
  readonly sizeBytes: number;
  readonly links: number;
  /** The number of blocks of the inode, including its extent tree and xattrs. */
  readonly blocks: number;
  readonly flags: number;
  readonly xattrBlock: number;
  readonly makeTime: Time;
}

/**
 * Writes all fields of an inode except the map, the xattrs and the checksum. The 256 bytes of `record` must be zero
 * before.
 */
export function encodeInode(record: DataView, values: InodeValues): void {
  const { attributes, sizeBytes } = values;
  const sectors = values.blocks * SECTORS_PER_BLOCK;
  put(record, INODE.mode, FORMAT_BITS[values.kind] | attributes.mode);
  put(record, INODE.uidLow, attributes.uid);
  put(record, INODE.uidHigh, attributes.uid / 2 ** 16);
  put(record, INODE.gidLow, attributes.gid);
  put(record, INODE.gidHigh, attributes.gid / 2 ** 16);
  put(record, INODE.sizeLow, sizeBytes);
  put(record, INODE.sizeHigh, sizeBytes / 2 ** 32);
  put(record, INODE.links, values.links);
  put(record, INODE.sectorsLow, sectors);
  put(record, INODE.sectorsHigh, sectors / 2 ** 32);
  put(record, INODE.flags, values.flags);
  put(record, INODE.xattrBlock, values.xattrBlock);
  encodeTimes(record, values);
}

/** An archive has one time for each file. It is used for the access time and the change time too. */
function encodeTimes(
  record: DataView,
  { attributes, makeTime }: Pick<InodeValues, "attributes" | "makeTime">,
): void {
  const time = clampTime(attributes.mtime);
  const extra = extraOf(time);
  put(record, INODE.extraBytes, EXTRA_INODE_BYTES);
  put(record, INODE.accessTime, time.seconds);
  put(record, INODE.changeTime, time.seconds);
  put(record, INODE.modifyTime, time.seconds);
  put(record, INODE.accessTimeExtra, extra);
  put(record, INODE.changeTimeExtra, extra);
  put(record, INODE.modifyTimeExtra, extra);
  const made = clampTime(makeTime);
  put(record, INODE.makeTime, made.seconds);
  put(record, INODE.makeTimeExtra, extraOf(made));
}

/** Returns the checksum seed of an inode (generation 0), which also serves its directory and extent blocks. */
export function inodeSeed(seed: number, inode: number): number {
  return crc32cOfWord(crc32cOfWord(seed, inode), 0);
}

/** Computes and stores the checksum of a complete inode. `seed` is the inode's seed: see inodeSeed(). */
export function putInodeChecksum(bytes: Uint8Array, record: DataView, seed: number): void {
  const checksum = crc32c(seed, bytes);
  put(record, INODE.checksumLow, checksum);
  put(record, INODE.checksumHigh, checksum >>> 16);
}

/** The fields of an inode that tandem reads. */
export interface StoredInode {
  readonly kind: keyof typeof FORMAT_BITS;
  readonly sizeBytes: number;
  /** Extent tree, short symlink target or device number. */
  readonly map: Uint8Array;
}

const FORMAT_MASK = 0xf000;

/** Decodes an inode after comparing its checksum. `seed` is the inode's seed: see inodeSeed(). Throws BadFileSystem. */
export function decodeInode(bytes: Uint8Array, seed: ReadSeed): StoredInode {
  const copy = bytes.slice();
  const view = viewOf(copy);
  const checksum = get(view, INODE.checksumLow) + get(view, INODE.checksumHigh) * 2 ** 16;
  put(view, INODE.checksumLow, 0);
  put(view, INODE.checksumHigh, 0);
  if (seed !== undefined && crc32c(seed, copy) !== checksum)
    throw new BadFileSystem("the checksum of an inode is wrong");
  const format = get(view, INODE.mode) & FORMAT_MASK;
  return {
    kind: kindOf(format),
    sizeBytes: get(view, INODE.sizeLow) + get(view, INODE.sizeHigh) * 2 ** 32,
    map: copy.subarray(INODE_MAP.offset, INODE_MAP.offset + INODE_MAP.bytes),
  };
}

function kindOf(format: number): StoredInode["kind"] {
  for (const kind of ["file", "directory", "symlink", "character", "block", "fifo"] as const)
    if (FORMAT_BITS[kind] === format) return kind;
  throw new BadFileSystem(`an inode is of the unknown type ${format.toString(16)}`);
}
