/** The first sector of a disk: UEFI 2.10, table 5.1, 5.3 and 5.4. */
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
 * Refuses a disk whose first sector has partitions of its own, none of which stands for a GPT: firmware and kernel go by these
 * partitions, and a GPT beside them is what an earlier use of the disk left. Throws `disk`.
 */
export function refuseMbrDisk(disk: BlockFile): void {
  const types = partitionTypes(disk);
  if (types.length === 0 || types.includes(GPT_PROTECTIVE)) return;
  const list = types.map((type) => `0x${type.toString(16).padStart(2, "0")}`).join(", ");
  throw new TandemError(
    "disk",
    `Cannot use ${disk.name}: its first sector has an MBR partition table (types ${list}), and none of its partitions stands for a GPT`,
    { hint: "tandem needs a GPT. Where the MBR is a leftover, remove it with sgdisk or fdisk." },
  );
}

/** Why the first sector does not protect a GPT; undefined: it does. Some firmware takes the disk for empty then. */
export function problemOfMbr(disk: BlockFile): string | undefined {
  const sector = readBlock(disk, 0, MBR_BYTES);
  if (viewOf(sector).getUint16(MBR.signature, true) !== MBR_SIGNATURE) return "it has no signature";
  return typesOf(sector).includes(GPT_PROTECTIVE)
    ? undefined
    : "it does not say that the disk has a GPT";
}

/** Writes the four entries of the first sector anew, and leaves the boot code in it alone. Throws `disk`, also for an MBR disk. */
export async function restoreProtectiveMbr(disk: BlockFile): Promise<void> {
  refuseMbrDisk(disk);
  const sector = readBlock(disk, 0, MBR_BYTES);
  const view = viewOf(sector);
  sector.fill(0, MBR.entries, MBR.signature);
  // Starts at the second sector, in the old form and in the new, and is as long as it can be said.
  sector.set([0, 0, 2, 0, GPT_PROTECTIVE, 0xff, 0xff, 0xff], MBR.entries);
  view.setUint32(MBR.entries + MBR.firstLba, 1, true);
  const sectors = Math.floor(disk.sizeBytes / (disk.sectorBytes ?? MBR_BYTES));
  view.setUint32(MBR.entries + MBR.lbas, Math.min(sectors - 1, 0xffffffff), true);
  view.setUint16(MBR.signature, MBR_SIGNATURE, true);
  await writeThrough(disk, 0, sector);
}

/** Of the partitions that the first sector has. A first sector that cannot be read decides nothing: the backup of a GPT lies at the other end. */
export function partitionTypes(disk: BlockFile): number[] {
  try {
    return disk.sizeBytes < MBR_BYTES ? [] : typesOf(readBlock(disk, 0, MBR_BYTES));
  } catch (error) {
    if (error instanceof TandemError) return [];
    throw error;
  }
}

/** Of the entries that are in use; none where the sector is no MBR. */
function typesOf(sector: Uint8Array): number[] {
  const view = viewOf(sector);
  if (view.getUint16(MBR.signature, true) !== MBR_SIGNATURE) return [];
  return [0, 1, 2, 3]
    .map((index) => view.getUint8(MBR.entries + index * MBR.entryBytes + MBR.type))
    .filter((type) => type !== 0);
}
