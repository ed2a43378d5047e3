import { viewOf } from "../lib/view.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { byteString, bytesOf } from "../lib/byte-string.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { GROUP_BLOCKS } from "./block.ts";
import { crc32c, CRC_START } from "./checksum.ts";
import { get, put, putAll, u16, u32, u8 } from "./field.ts";
import { EXTRA_INODE_BYTES, INODE_BYTES } from "./inode.ts";
import type { Ext4Geometry } from "./geometry.ts";

/** The primary superblock lies behind the boot sectors, a backup at the start of its block. */
export const SUPERBLOCK_OFFSET_BYTES = 1024;
export const SUPERBLOCK_BYTES = 1024;
/** All but the checksum itself. */
export const CHECKSUMMED_BYTES = 1020;

/**
 * struct ext4_super_block, https://docs.kernel.org/filesystems/ext4/super.html. Fields that are not listed stay zero.
 */
export const SUPERBLOCK = {
  inodes: u32(0x00),
  blocks: u32(0x04),
  freeBlocks: u32(0x0c),
  freeInodes: u32(0x10),
  blockSizeLog: u32(0x18),
  clusterSizeLog: u32(0x1c),
  blocksPerGroup: u32(0x20),
  clustersPerGroup: u32(0x24),
  inodesPerGroup: u32(0x28),
  writeTime: u32(0x30),
  mountsMax: u16(0x36),
  magic: u16(0x38),
  state: u16(0x3a),
  errors: u16(0x3c),
  checkTime: u32(0x40),
  revision: u32(0x4c),
  firstInode: u32(0x54),
  inodeBytes: u16(0x58),
  group: u16(0x5a),
  compatible: u32(0x5c),
  incompatible: u32(0x60),
  readOnlyCompatible: u32(0x64),
  defaultHash: u8(0xfc),
  mountOptions: u32(0x100),
  makeTime: u32(0x108),
  extraInodeBytesMin: u16(0x15c),
  extraInodeBytesWanted: u16(0x15e),
  flags: u32(0x160),
  groupsPerFlexLog: u8(0x174),
  checksumType: u8(0x175),
  writeTimeHigh: u8(0x274),
  makeTimeHigh: u8(0x276),
  checkTimeHigh: u8(0x277),
  checksum: u32(0x3fc),
} as const;
const UUID_OFFSET = 0x68;
/** Where the UUID lies in a file system. */
export const UUID_PLACE = {
  offsetBytes: SUPERBLOCK_OFFSET_BYTES + UUID_OFFSET,
  sizeBytes: 16,
} as const;
export const LABEL_OFFSET = 0x78;
export const LABEL_BYTES_MAX = 16;
const HASH_SEED_OFFSET = 0xec;

/** GRUB 2.06 (which checks only the incompatible features) and every kernel since 3.18 support all of these. */
const COMPATIBLE = { extendedAttributes: 0x8, directoryIndex: 0x20 };
const INCOMPATIBLE = { fileType: 0x2, extents: 0x40, flexibleGroups: 0x200 };
const READ_ONLY_COMPATIBLE = {
  sparseSuperblocks: 0x1,
  largeFile: 0x2,
  hugeFile: 0x8,
  directoryLinks: 0x20,
  extraInodeBytes: 0x40,
};
/** RO_COMPAT_METADATA_CSUM. */
export const METADATA_CHECKSUMS = 0x400;
/** RO_COMPAT_GDT_CSUM, also called uninit_bg. */
const DESCRIPTOR_CHECKSUMS = 0x10;

const MAGIC = 0xef53;
export const HASH_HALF_MD4 = 1;
const CHECKSUM_CRC32C = 1;

/**
 * What has a checksum: all metadata, the superblock included, or only the group descriptors. Then label and superblock
 * can be changed by writing one sector, and blocks that were never written count as unused in both forms.
 */
export type Checksums = "metadata" | "descriptors";

const CHECKSUM_FIELDS = {
  metadata: {
    readOnlyCompatible: anyOf({ ...READ_ONLY_COMPATIBLE, METADATA_CHECKSUMS }),
    checksumType: CHECKSUM_CRC32C,
  },
  descriptors: {
    readOnlyCompatible: anyOf({ ...READ_ONLY_COMPATIBLE, DESCRIPTOR_CHECKSUMS }),
    checksumType: 0,
  },
} as const;
/** The directory hash takes the bytes of names as unsigned. */
const FLAG_UNSIGNED_HASH = 0x2;
const MOUNT_XATTR_ACL = 0x4 | 0x8;
const NO_MOUNT_LIMIT = 0xffff;
/** All groups form one flexible group: their bitmaps and inode tables may lie anywhere. */
const GROUPS_PER_FLEX_LOG = 31;
/** The inode number of the root directory, and the first one that is not reserved. */
export const ROOT_INODE = 2;
export const FIRST_INODE = 11;

export interface SuperblockValues {
  readonly geometry: Ext4Geometry;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly uuid: Uint8Array;
  readonly hashSeed: Uint8Array;
  readonly label: ByteString;
  readonly timeSeconds: number;
  readonly checksums: Checksums;
}

/** Encodes the superblock of `group`. Returns 1024 bytes. */
export function encodeSuperblock(values: SuperblockValues, group: number): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  const view = viewOf(bytes);
  const checksumFields = CHECKSUM_FIELDS[values.checksums];
  putAll(view, SUPERBLOCK, {
    ...sizes(values),
    ...times(values.timeSeconds),
    ...FIXED,
    ...checksumFields,
    group,
  });
  bytes.set(values.uuid, UUID_OFFSET);
  bytes.set(bytesOf(values.label), LABEL_OFFSET);
  bytes.set(values.hashSeed, HASH_SEED_OFFSET);
  if (values.checksums === "metadata")
    put(view, SUPERBLOCK.checksum, crc32c(CRC_START, bytes.subarray(0, CHECKSUMMED_BYTES)));
  return bytes;
}

/** Encodes block 0: zeros in the place of boot sectors, then the superblock. */
export function encodeBlock0(values: SuperblockValues): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(encodeSuperblock(values, 0), SUPERBLOCK_OFFSET_BYTES);
  return block;
}

const FIXED = {
  blockSizeLog: 2,
  clusterSizeLog: 2,
  blocksPerGroup: GROUP_BLOCKS,
  clustersPerGroup: GROUP_BLOCKS,
  mountsMax: NO_MOUNT_LIMIT,
  magic: MAGIC,
  state: 1,
  errors: 1,
  revision: 1,
  firstInode: FIRST_INODE,
  inodeBytes: INODE_BYTES,
  compatible: anyOf(COMPATIBLE),
  incompatible: anyOf(INCOMPATIBLE),
  defaultHash: HASH_HALF_MD4,
  mountOptions: MOUNT_XATTR_ACL,
  extraInodeBytesMin: EXTRA_INODE_BYTES,
  extraInodeBytesWanted: EXTRA_INODE_BYTES,
  flags: FLAG_UNSIGNED_HASH,
  groupsPerFlexLog: GROUPS_PER_FLEX_LOG,
} as const;

function sizes({ geometry, freeBlocks, freeInodes }: SuperblockValues) {
  return {
    inodes: geometry.groups * geometry.inodesPerGroup,
    blocks: geometry.blocks,
    freeBlocks,
    freeInodes,
    inodesPerGroup: geometry.inodesPerGroup,
  };
}

function times(seconds: number) {
  const high = Math.floor(seconds / 2 ** 32);
  return {
    writeTime: seconds,
    makeTime: seconds,
    checkTime: seconds,
    writeTimeHigh: high,
    makeTimeHigh: high,
    checkTimeHigh: high,
  };
}

function anyOf(features: Readonly<Record<string, number>>): number {
  return Object.values(features).reduce((sum, bit) => sum + bit, 0);
}

/** The values of a superblock that tandem reads. */
export interface SuperblockFacts {
  readonly uuid: Uint8Array;
  readonly label: ByteString;
  readonly blocks: number;
  readonly inodes: number;
  readonly inodesPerGroup: number;
  readonly checksums: Checksums;
}

/**
 * Decodes a superblock that encodeSuperblock() has made. Throws BadFileSystem, also for an ext4 with other features.
 */
export function decodeSuperblock(bytes: Uint8Array): SuperblockFacts {
  const view = viewOf(bytes);
  if (get(view, SUPERBLOCK.magic) !== FIXED.magic) throw new BadFileSystem("there is none");
  const hasAll = (get(view, SUPERBLOCK.readOnlyCompatible) & METADATA_CHECKSUMS) !== 0;
  const checksums = hasAll ? "metadata" : "descriptors";
  const want = { ...FIXED, ...CHECKSUM_FIELDS[checksums] };
  for (const name of FORM)
    if (get(view, SUPERBLOCK[name]) !== want[name])
      throw new BadFileSystem("it was not written by tandem");
  const checksum = crc32c(CRC_START, bytes.subarray(0, CHECKSUMMED_BYTES));
  if (hasAll && get(view, SUPERBLOCK.checksum) !== checksum)
    throw new BadFileSystem("the checksum of its superblock is wrong");
  const label = byteString(bytes.subarray(LABEL_OFFSET, LABEL_OFFSET + LABEL_BYTES_MAX));
  return {
    uuid: bytes.slice(UUID_OFFSET, UUID_OFFSET + 16),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- A part of a ByteString is one.
    label: label.replace(/\0.*$/s, "") as ByteString,
    blocks: get(view, SUPERBLOCK.blocks),
    inodes: get(view, SUPERBLOCK.inodes),
    inodesPerGroup: get(view, SUPERBLOCK.inodesPerGroup),
    checksums,
  };
}

/** The fields that must have tandem's values, because the rest of the file system is read according to them. */
const FORM = [
  "blockSizeLog",
  "blocksPerGroup",
  "revision",
  "inodeBytes",
  "compatible",
  "incompatible",
  "readOnlyCompatible",
  "checksumType",
] as const;

/** The label in a superblock of ext2, ext3 or ext4 that may be damaged otherwise; undefined: it is none. */
export function readLabel(bytes: Uint8Array): string | undefined {
  if (get(viewOf(bytes), SUPERBLOCK.magic) !== MAGIC) return undefined;
  const label = Buffer.from(bytes.subarray(LABEL_OFFSET, LABEL_OFFSET + LABEL_BYTES_MAX));
  return label.toString("latin1").replace(/\0.*$/s, "");
}
