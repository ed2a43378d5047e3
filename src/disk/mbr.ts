/** The first sector of a disk, the MBR. See UEFI 2.10, tables 5.1, 5.3 and 5.4. */
import { viewOf } from "../lib/view.ts";
import { TandemError } from "../lib/error.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import { writeThrough } from "./write-through.ts";

const MBR = {
  entries: 446,
  signature: 510,
  entryBytes: 16,
  type: 4,
  firstLba: 8,
  lbas: 12,
} as const;
const MBR_SIGNATURE = 0xaa55;
const GPT_PROTECTIVE = 0xee;
const MBR_BYTES = 512;

/**
 * Refuses an MBR disk: its first sector has partitions, and none of them is the protective entry of a GPT. Firmware and
 * kernel use these partitions, so a GPT on the same disk is a leftover. Throws "disk".
 */
export function refuseMbrDisk(disk: BlockFile): void {
  const types = partitionTypes(disk);
  if (types.length === 0 || types.includes(GPT_PROTECTIVE)) return;
  const list = types.map((type) => `0x${type.toString(16).padStart(2, "0")}`).join(", ");
  throw new TandemError(
    "disk",
    `Cannot use ${disk.name}: its first sector has an MBR partition table (types ${list}) without the protective entry of a GPT`,
    { hint: "tandem needs a GPT. Where the MBR is a leftover, remove it with sgdisk or fdisk." },
  );
}

/**
 * Returns why the first sector is no protective MBR, or undefined. Without a protective MBR some firmware takes the
 * disk for empty.
 */
export function problemOfMbr(disk: BlockFile): string | undefined {
  const sector = readBlock(disk, 0, MBR_BYTES);
  if (viewOf(sector).getUint16(MBR.signature, true) !== MBR_SIGNATURE) return "it has no signature";
  return typesOf(sector).includes(GPT_PROTECTIVE)
    ? undefined
    : "it does not say that the disk has a GPT";
}

/** Rewrites the four entries of the first sector and keeps its boot code. Throws "disk", also for an MBR disk. */
export async function restoreProtectiveMbr(disk: BlockFile): Promise<void> {
  refuseMbrDisk(disk);
  const sector = readBlock(disk, 0, MBR_BYTES);
  const view = viewOf(sector);
  sector.fill(0, MBR.entries, MBR.signature);
  // One entry from the second sector on, as a CHS and as an LBA address, with the largest size that the field can hold.
  sector.set([0, 0, 2, 0, GPT_PROTECTIVE, 0xff, 0xff, 0xff], MBR.entries);
  view.setUint32(MBR.entries + MBR.firstLba, 1, true);
  const sectors = Math.floor(disk.sizeBytes / (disk.sectorBytes ?? MBR_BYTES));
  view.setUint32(MBR.entries + MBR.lbas, Math.min(sectors - 1, 0xffffffff), true);
  view.setUint16(MBR.signature, MBR_SIGNATURE, true);
  await writeThrough(disk, 0, sector);
}

/**
 * Returns the types of the MBR's partitions. Empty when the first sector cannot be read, because a GPT's backup may
 * still be readable.
 */
export function partitionTypes(disk: BlockFile): number[] {
  try {
    return disk.sizeBytes < MBR_BYTES ? [] : typesOf(readBlock(disk, 0, MBR_BYTES));
  } catch (error) {
    if (error instanceof TandemError) return [];
    throw error;
  }
}

/** Returns the types of the used entries. Empty when the sector is no MBR. */
function typesOf(sector: Uint8Array): number[] {
  const view = viewOf(sector);
  if (view.getUint16(MBR.signature, true) !== MBR_SIGNATURE) return [];
  return [0, 1, 2, 3]
    .map((index) => view.getUint8(MBR.entries + index * MBR.entryBytes + MBR.type))
    .filter((type) => type !== 0);
}
