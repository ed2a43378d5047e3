/** What is wrong with a partition table, and how the one copy is made of the other. */
import { TandemError } from "../lib/error.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import { HEADER, readCopy } from "./gpt.ts";
import { writeThrough } from "./write-through.ts";

/** Why a part of the table cannot be used; undefined: it can. */
export interface GptProblems {
  readonly primary: string | undefined;
  readonly backup: string | undefined;
  /** The first sector does not say that the disk has a GPT: some firmware takes the disk for empty then. */
  readonly protectiveMbr: string | undefined;
}

/** UEFI 2.10, table 5.3 and 5.4. */
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

export function gptProblems(disk: BlockFile): GptProblems {
  const problemOf = (which: "primary" | "backup"): string | undefined => {
    const reading = readCopy(disk, which);
    return "problem" in reading ? reading.problem : undefined;
  };
  return {
    primary: problemOf("primary"),
    backup: problemOf("backup"),
    protectiveMbr: problemOfMbr(readBlock(disk, 0, MBR_BYTES)),
  };
}

/**
 * Writes one table anew from the other, entries first and the header last, so that a cut leaves a copy that is not taken for whole. Throws
 * `disk` when the other cannot be used, or when what it says leaves no room.
 */
export async function restoreGpt(disk: BlockFile, which: "primary" | "backup"): Promise<void> {
  const copy = planCopy(disk, which);
  const { sectorBytes } = copy;
  await writeThrough(disk, copy.entriesLba * sectorBytes, copy.entries);
  await writeThrough(disk, copy.lba * sectorBytes, copy.header);
}

/** Writes the four entries of the first sector anew, and leaves the boot code in it alone. Throws `disk`. */
export async function restoreProtectiveMbr(disk: BlockFile): Promise<void> {
  const sector = readBlock(disk, 0, MBR_BYTES);
  const view = viewOf(sector);
  sector.fill(0, MBR.entries, MBR.signature);
  // Starts at the second sector, in the old form and in the new, and is as long as it can be said.
  sector.set([0, 0, 2, 0, GPT_PROTECTIVE, 0xff, 0xff, 0xff], MBR.entries);
  view.setUint32(MBR.entries + MBR.firstLba, 1, true);
  const sectors = Math.floor(disk.sizeBytes / MBR_BYTES);
  view.setUint32(MBR.entries + MBR.lbas, Math.min(sectors - 1, 0xffffffff), true);
  view.setUint16(MBR.signature, MBR_SIGNATURE, true);
  await writeThrough(disk, 0, sector);
}

function problemOfMbr(sector: Uint8Array): string | undefined {
  const view = viewOf(sector);
  if (view.getUint16(MBR.signature, true) !== MBR_SIGNATURE) return "it has no signature";
  const types = [0, 1, 2, 3].map((index) =>
    view.getUint8(MBR.entries + index * MBR.entryBytes + MBR.type),
  );
  return types.includes(GPT_PROTECTIVE) ? undefined : "it does not say that the disk has a GPT";
}

interface Copy {
  readonly sectorBytes: number;
  readonly lba: number;
  readonly entriesLba: number;
  readonly header: Uint8Array;
  readonly entries: Uint8Array;
}

function planCopy(disk: BlockFile, which: "primary" | "backup"): Copy {
  const source = which === "primary" ? "backup" : "primary";
  const reading = readCopy(disk, source);
  if ("problem" in reading) throw refused(disk, which, reading.problem);
  const { sectorBytes } = reading.table;
  const sectors = Math.floor(disk.sizeBytes / sectorBytes);
  const sourceLba = source === "primary" ? 1 : sectors - 1;
  const header = readBlock(disk, sourceLba * sectorBytes, sectorBytes);
  const view = viewOf(header);
  const entriesBytes =
    view.getUint32(HEADER.entryCount, true) * view.getUint32(HEADER.entryBytes, true);
  const entriesSectors = Math.ceil(entriesBytes / sectorBytes);
  const lba = which === "primary" ? 1 : sectors - 1;
  const entriesLba = which === "primary" ? 2 : lba - entriesSectors;
  const fits =
    which === "primary"
      ? entriesLba + entriesSectors <= lbaAt(view, HEADER.firstUsableLba)
      : entriesLba > lbaAt(view, HEADER.lastUsableLba);
  if (!fits) throw refused(disk, which, "a partition may lie where it belongs");
  const entriesAt = lbaAt(view, HEADER.entriesLba) * sectorBytes;
  const entries = new Uint8Array(entriesSectors * sectorBytes);
  disk.readInto(entriesAt, entries);
  view.setBigUint64(HEADER.ownLba, BigInt(lba), true);
  view.setBigUint64(HEADER.otherLba, BigInt(sourceLba), true);
  view.setBigUint64(HEADER.entriesLba, BigInt(entriesLba), true);
  seal(header);
  return { sectorBytes, lba, entriesLba, header, entries };
}

function seal(header: Uint8Array): void {
  const view = viewOf(header);
  view.setUint32(HEADER.crc, 0, true);
  const sizeBytes = view.getUint32(HEADER.sizeBytes, true);
  view.setUint32(HEADER.crc, Bun.hash.crc32(header.subarray(0, sizeBytes)), true);
}

function lbaAt(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}

function refused(disk: BlockFile, which: string, why: string): TandemError {
  return new TandemError(
    "disk",
    `Cannot restore the ${which} partition table of ${disk.name}: ${why}`,
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
