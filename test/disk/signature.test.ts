import { expect, test } from "bun:test";
import { signaturesOn } from "../../src/disk/signature.ts";
import { KiB, MiB } from "../../src/lib/units.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { gptImage } from "./gpt-image.ts";

const SIZE_BYTES = 128 * MiB;
/** An offset from the end of a device of SIZE_BYTES. */
const end = (bytes: number): number => SIZE_BYTES - bytes;
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const text = (latin1: string): string => Buffer.from(latin1, "latin1").toString("hex");

const ROWS: readonly [what: string, hex: string, ...places: number[]][] = [
  ["a GPT partition table", text("EFI PART"), 512, 4096, end(512), end(4096)],
  ["an ext2, ext3 or ext4 file system", "53ef", 0x438],
  ["an XFS file system", "58465342", 0],
  ["a btrfs file system", "5f42485266535f4d", 0x10040, 0x4000040],
  ["a FAT file system", "4641543132202020", 0x36],
  ["a FAT file system", "4641543136202020", 0x36],
  ["a FAT file system", "4641542020202020", 0x36],
  ["a FAT file system", "4641543332202020", 0x52],
  ["an exFAT file system", "4558464154202020", 3],
  ["an NTFS file system", "4e54465320202020", 3],
  ["a BitLocker volume", "2d4656452d46532d", 3],
  ["a squashfs file system", "68737173", 0],
  ["an EROFS file system", "e2e1f5e0", 0x400],
  ["an f2fs file system", "1020f5f2", 0x400, 0x1400],
  ["swap space", text("SWAPSPACE2"), 0xff6, 0x1ff6, 0x3ff6, 0x7ff6, 0xfff6],
  ["swap space", text("SWAP-SPACE"), 0xff6, 0x1ff6, 0x3ff6, 0x7ff6, 0xfff6],
  ["a hibernated system", text("S1SUSPEND"), 0xff6, 0x1ff6, 0x3ff6, 0x7ff6, 0xfff6],
  ["a LUKS volume", "4c554b53babe", 0],
  ["a LUKS volume", "534b554cbabe", 0x4000, 0x8000, 0x10000, 0x20000, 0x40000],
  ["a LUKS volume", "534b554cbabe", 0x80000, 0x100000, 0x200000, 0x400000],
  ["an LVM physical volume", text("LVM2 001"), 0x18, 0x218, 0x418, 0x618],
  ["a member of an md RAID", "fc4e2ba9", 0, 0x1000, end(8 * KiB), end(64 * KiB)],
  ["an ISO 9660 file system", text("CD001"), 0x8001],
  ["a UDF file system", text("BEA01"), 0x8001],
  ["a bcachefs or bcache device", "c68573f64e1a45ca8265f57f48ba6d81", 0x1018],
  ["a bcachefs or bcache device", "c68573f666ce90a9d96a60cf803df7ef", 0x1018],
  ["a member of a ZFS pool", "0000000776657273696f6e00", 0x4014, 0x44014],
  ["a JFS file system", "4a465331", 0x8000],
  ["a ReiserFS file system", text("ReIsEr3Fs"), 0x10034],
  ["an HFS+ file system", "482b0004", 0x400],
  ["an APFS container", "4e585342", 0x20],
  ["boot records (a control partition)", text("# GRUB Environment Block\n"), 0, 0x1000],
  ["boot records (a control partition)", text("TANDEMST"), 0x10000, 0x80000],
];
const CASES = ROWS.flatMap(([what, hex, ...places]) =>
  places.map((at): [string, string, number] => [what, hex, at]),
);

const whatIsOn = (image: PagedImage): string[] =>
  signaturesOn(image.file("disk")).map(({ what }) => what);

test.each(CASES)(
  "signaturesOn() recognizes %s by %s at byte %d, and only there",
  (what, hex, at) => {
    const image = PagedImage.zeros(SIZE_BYTES);
    image.write(at, bytesOf(hex));
    expect(signaturesOn(image.file("disk"))).toMatchObject([{ what, offsetBytes: at }]);
    const last = hex.length / 2 - 1;
    const marked = PagedImage.zeros(SIZE_BYTES);
    for (const one of signaturesOn(image.file("disk"))) {
      expect(one.sizeBytes).toBeLessThanOrEqual(last + 1);
      marked.write(at, bytesOf(hex).subarray(0, one.sizeBytes));
      marked.write(at + one.sizeBytes - 1, Uint8Array.of(0xaa));
    }
    expect(whatIsOn(marked)).toEqual([]);
  },
);

test.each([0, 1, 511, 512, 513, 4095, 4096, 70_000])(
  "signaturesOn() finds nothing in %d bytes of zeros or of unknown data",
  (sizeBytes) => {
    expect(whatIsOn(PagedImage.zeros(sizeBytes))).toEqual([]);
    expect(whatIsOn(PagedImage.of(new Uint8Array(sizeBytes).fill(0xff)))).toEqual([]);
    expect(whatIsOn(PagedImage.of(new Uint8Array(sizeBytes).fill(0x55)))).toEqual([]);
  },
);

test.each([512, 4096])(
  "signaturesOn() recognizes a GPT for sectors of %d bytes by either copy",
  (sectorBytes) => {
    const partitions = [{ label: "one", firstLba: 100, lastLba: 200 }];
    const whole = gptImage({ sectorBytes, partitions });
    const places = signaturesOn(whole.file("disk")).map(({ offsetBytes }) => offsetBytes);
    expect(places).toEqual([sectorBytes, whole.sizeBytes - sectorBytes]);
    whole.write(0, new Uint8Array(2 * sectorBytes));
    expect(whatIsOn(whole)).toEqual(["a GPT partition table"]);
  },
);

test("signaturesOn() finds the backup table before a last sector that is incomplete", () => {
  const image = PagedImage.zeros(MiB + 100);
  image.write(MiB - 512, bytesOf(text("EFI PART")));
  expect(whatIsOn(image)).toEqual(["a GPT partition table"]);
});

test("signaturesOn() finds an MBR with partitions only when there is no other signature", () => {
  const image = PagedImage.zeros(MiB);
  image.write(510, bytesOf("55aa"));
  expect(whatIsOn(image)).toEqual([]);
  image.write(446 + 3 * 16 + 4, bytesOf("83"));
  expect(whatIsOn(image)).toEqual(["an MBR partition table"]);
  image.write(3, bytesOf(text("NTFS    ")));
  expect(whatIsOn(image)).toEqual(["an NTFS file system"]);
});
