/**
 * Recognizes data of other programs on a disk or in a file by its signature. tandem asks before it overwrites such
 * data.
 */
import { KiB } from "../lib/units.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import { partitionTypes } from "./mbr.ts";

export interface Signature {
  /** The words for a message: "an XFS file system". */
  readonly what: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** The offset of a mark. A function computes it from the size of the device, for marks at its end. */
type MarkOffset = number | ((sizeBytes: number) => number);

interface Mark {
  readonly what: string;
  /** One character for each byte. */
  readonly text: string;
  readonly places: readonly MarkOffset[];
}

const FAT = "a FAT file system";
const LUKS = "a LUKS volume";
const LVM = "an LVM physical volume";
const RAID = "a member of an md RAID";
const EXT = "an ext2, ext3 or ext4 file system";
const SWAP = "swap space";
/** The words for tandem's own marks. */
export const CONTROL_MARK = "boot records (a control partition)";

/** The comment at each row names the header, document or source file of the numbers. */
const MARKS: readonly Mark[] = [
  // UEFI 2.10, 5.3.2: the primary header in the second sector, the backup in the last one, of 512 or 4096 bytes.
  {
    what: "a GPT partition table",
    text: "EFI PART",
    places: [512, 4096, lastSector(512), lastSector(4096)],
  },
  // Linux, fs/ext4/ext4.h: the superblock at 1024, s_magic at 0x38 in it.
  { what: EXT, text: "\x53\xEF", places: [1080] },
  // Linux, fs/xfs/libxfs/xfs_format.h: XFS_SB_MAGIC, big-endian.
  { what: "an XFS file system", text: "XFSB", places: [0] },
  // Linux, include/uapi/linux/btrfs_tree.h: the superblock at 64 KiB, its magic at 64; a copy at 64 MiB.
  { what: "a btrfs file system", text: "_BHRfS_M", places: [65_600, 67_108_928] },
  // Microsoft's FAT32 File System Specification 1.03: BS_FilSysType at 54, for FAT32 at 82.
  { what: FAT, text: "FAT12   ", places: [54] },
  { what: FAT, text: "FAT16   ", places: [54] },
  { what: FAT, text: "FAT     ", places: [54] },
  { what: FAT, text: "FAT32   ", places: [82] },
  // Microsoft's exFAT file system specification, 3.1.2: FileSystemName.
  { what: "an exFAT file system", text: "EXFAT   ", places: [3] },
  // Linux, fs/ntfs3/ntfs.h: NTFS_BOOT.system_id.
  { what: "an NTFS file system", text: "NTFS    ", places: [3] },
  // util-linux, libblkid/src/superblocks/bitlocker.c.
  { what: "a BitLocker volume", text: "-FVE-FS-", places: [3] },
  // Linux, fs/squashfs/squashfs_fs.h: SQUASHFS_MAGIC.
  { what: "a squashfs file system", text: "hsqs", places: [0] },
  // Linux, include/uapi/linux/magic.h: EROFS_SUPER_MAGIC_V1; fs/erofs/erofs_fs.h: EROFS_SUPER_OFFSET.
  { what: "an EROFS file system", text: "\xE2\xE1\xF5\xE0", places: [1024] },
  // Linux, include/uapi/linux/magic.h: F2FS_SUPER_MAGIC; include/linux/f2fs_fs.h: F2FS_SUPER_OFFSET, and a copy one
  // block on.
  { what: "an f2fs file system", text: "\x10\x20\xF5\xF2", places: [1024, 5120] },
  // Linux, include/linux/swap.h: the last 10 bytes of the first page; pages have 4 to 64 KiB. "S1SUSPEND": util-linux,
  // swap.c.
  { what: SWAP, text: "SWAPSPACE2", places: [4086, 8182, 16_374, 32_758, 65_526] },
  { what: SWAP, text: "SWAP-SPACE", places: [4086, 8182, 16_374, 32_758, 65_526] },
  { what: "a hibernated system", text: "S1SUSPEND", places: [4086, 8182, 16_374, 32_758, 65_526] },
  // cryptsetup, lib/luks1/luks.h and lib/luks2/luks2.h: the first header; the second one of LUKS 2 lies behind one of
  // 16 KiB to 4 MiB.
  { what: LUKS, text: "LUKS\xBA\xBE", places: [0] },
  {
    what: LUKS,
    text: "SKUL\xBA\xBE",
    places: [16, 32, 64, 128, 256, 512, 1024, 2048, 4096].map((size) => size * KiB),
  },
  // LVM2, lib/label/label.h and lib/format_text/layout.h: the label is in one of the first four sectors, its type at 24
  // in it.
  { what: LVM, text: "LVM2 001", places: [24, 536, 1048, 1560] },
  // Linux, include/uapi/linux/raid/md_p.h: MD_SB_MAGIC, version 1.1 at the start, 1.2 at 4 KiB, 1.0 and 0.90 at the
  // end.
  { what: RAID, text: "\xFC\x4E\x2B\xA9", places: [0, 4096, raidAtEnd, oldRaid] },
  // ECMA-119, 8.1: the first volume descriptor is in sector 16 of 2048 bytes. ECMA-167, 2/9.1: where UDF has "BEA01"
  // there.
  { what: "an ISO 9660 file system", text: "CD001", places: [32_769] },
  { what: "a UDF file system", text: "BEA01", places: [32_769] },
  // bcachefs-tools, libbcachefs/bcachefs_format.h: BCACHE_MAGIC and BCHFS_MAGIC begin alike; the superblock is in
  // sector 8, its magic at 24.
  { what: "a bcachefs or bcache device", text: "\xC6\x85\x73\xF6", places: [4120] },
  // OpenZFS, module/nvpair/nvpair.c: a label is a list in XDR at 16 KiB, whose first name, with its length, is
  // "version"; a copy at 272 KiB.
  {
    what: "a member of a ZFS pool",
    text: "\0\0\0\x07version\0",
    places: [16_404, 278_548],
  },
  // Linux, fs/jfs/jfs_superblock.h, fs/reiserfs/reiserfs.h, fs/hfsplus/hfsplus_raw.h.
  { what: "a JFS file system", text: "JFS1", places: [32_768] },
  { what: "a ReiserFS file system", text: "ReIsEr", places: [65_588] },
  { what: "an HFS+ file system", text: "H+\0\x04", places: [1024] },
  // Apple File System Reference: nx_magic, behind an object header of 32 bytes.
  { what: "an APFS container", text: "NXSB", places: [32] },
  // GRUB, grub-core/lib/envblk.c: what each copy of a boot record is; control/control.ts: where they and the states
  // lie.
  { what: CONTROL_MARK, text: "# GRUB Environment Block", places: [0, 4096] },
  { what: CONTROL_MARK, text: "TANDEMST", places: [65_536, 524_288] },
];

/** Returns all signatures that it finds. Throws "disk" when the medium cannot be read. */
export function signaturesOn(block: BlockFile): Signature[] {
  const found = MARKS.flatMap((mark) => marksOn(block, mark));
  if (found.length > 0 || partitionTypes(block).length === 0) return found;
  // The boot sector of a file system ends like an MBR, so an MBR counts only when nothing else is found.
  return [{ what: "an MBR partition table", offsetBytes: 0, sizeBytes: 512 }];
}

function marksOn(block: BlockFile, { what, text, places }: Mark): Signature[] {
  const sizeBytes = text.length;
  return places
    .map((place) => (typeof place === "number" ? place : place(block.sizeBytes)))
    .filter((at) => at >= 0 && at + sizeBytes <= block.sizeBytes)
    .filter((at) => Buffer.from(readBlock(block, at, sizeBytes)).toString("latin1") === text)
    .map((offsetBytes) => ({ what, offsetBytes, sizeBytes }));
}

/** The offset of the last sector on a disk with sectors of this size. */
function lastSector(sectorBytes: number): MarkOffset {
  return (sizeBytes) => (Math.floor(sizeBytes / sectorBytes) - 1) * sectorBytes;
}

/** md version 1.0: at least 8 KiB before the end, at a multiple of 4 KiB (Linux, drivers/md/md.c, super_1_load()). */
function raidAtEnd(sizeBytes: number): number {
  return Math.floor((sizeBytes - 8 * KiB) / (4 * KiB)) * 4 * KiB;
}

/** md version 0.90: the last whole 64 KiB (Linux, include/uapi/linux/raid/md_p.h, MD_NEW_SIZE_SECTORS()). */
function oldRaid(sizeBytes: number): number {
  return (Math.floor(sizeBytes / (64 * KiB)) - 1) * 64 * KiB;
}
