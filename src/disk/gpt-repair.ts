/** Finds problems of a partition table, and restores one of its two copies from the other. */
import { viewOf } from "../lib/view.ts";
import { TandemError } from "../lib/error.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import { HEADER, lbaAt, readCopy, type Table } from "./gpt.ts";
import { problemOfMbr, refuseMbrDisk } from "./mbr.ts";
import { writeThrough } from "./write-through.ts";

/** For each part of the table the reason why it cannot be used, or undefined. */
export interface GptProblems {
  readonly primary: string | undefined;
  readonly backup: string | undefined;
  /** The first sector does not declare a GPT. Some firmware then takes the disk for empty. */
  readonly protectiveMbr: string | undefined;
}

export function gptProblems(disk: BlockFile): GptProblems {
  const primary = readCopy(disk, "primary");
  const backup = readCopy(disk, "backup");
  return {
    primary: "problem" in primary ? primary.problem : undefined,
    backup:
      "problem" in backup
        ? backup.problem
        : "table" in primary
          ? differenceOf(disk, primary.table, backup.table)
          : undefined,
    protectiveMbr: problemOfMbr(disk),
  };
}

/** Compares two valid copies. They differ when the disk has grown, or when a program changed only one of them. */
function differenceOf(disk: BlockFile, primary: Table, backup: Table): string | undefined {
  const lastLba = Math.floor(disk.sizeBytes / primary.sectorBytes) - 1;
  if (primary.sectorBytes !== backup.sectorBytes) return "it is for sectors of another size";
  if (primary.otherLba !== lastLba)
    return `the primary copy says that it lies at sector ${primary.otherLba}, not at ${lastLba}`;
  if (primary.entriesCrc !== backup.entriesCrc)
    return "it has other partitions than the primary copy";
  return undefined;
}

/**
 * Rewrites one copy of the table from the other: entries first, then the header, so that a power cut leaves an invalid
 * copy and not a wrong one. Throws "disk" when the other copy cannot be used, or when partitions leave no room for the
 * copy.
 */
export async function restoreGpt(disk: BlockFile, which: "primary" | "backup"): Promise<void> {
  const copy = planCopy(disk, which);
  const { sectorBytes } = copy;
  await writeThrough(disk, copy.entriesLba * sectorBytes, copy.entries);
  await writeThrough(disk, copy.lba * sectorBytes, copy.header);
  // Last, because the source must not name a copy that is not yet complete.
  await writeThrough(disk, copy.source.lba * sectorBytes, copy.source.header);
}

interface Copy {
  readonly sectorBytes: number;
  readonly lba: number;
  readonly entriesLba: number;
  readonly header: Uint8Array;
  readonly entries: Uint8Array;
  /** The other table with the sector of the copy in its header. */
  readonly source: { readonly lba: number; readonly header: Uint8Array };
}

function planCopy(disk: BlockFile, which: "primary" | "backup"): Copy {
  refuseMbrDisk(disk);
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
      : entriesLba * sectorBytes >= endOf(reading.table);
  if (!fits) throw refused(disk, which, "a partition may lie where it belongs");
  const entriesAt = lbaAt(view, HEADER.entriesLba) * sectorBytes;
  const entries = new Uint8Array(entriesSectors * sectorBytes);
  disk.readInto(entriesAt, entries);
  view.setBigUint64(HEADER.otherLba, BigInt(lba), true);
  // On a disk that has grown, partitions may use the new space up to the backup table.
  if (which === "backup") view.setBigUint64(HEADER.lastUsableLba, BigInt(entriesLba - 1), true);
  setChecksum(header);
  const own = header.slice();
  const ownView = viewOf(own);
  ownView.setBigUint64(HEADER.ownLba, BigInt(lba), true);
  ownView.setBigUint64(HEADER.otherLba, BigInt(sourceLba), true);
  ownView.setBigUint64(HEADER.entriesLba, BigInt(entriesLba), true);
  setChecksum(own);
  return { sectorBytes, lba, entriesLba, header: own, entries, source: { lba: sourceLba, header } };
}

/** Returns the end of the last partition in bytes. */
function endOf({ partitions }: Table): number {
  return Math.max(0, ...partitions.map(({ offsetBytes, sizeBytes }) => offsetBytes + sizeBytes));
}

function setChecksum(header: Uint8Array): void {
  const view = viewOf(header);
  view.setUint32(HEADER.crc, 0, true);
  const sizeBytes = view.getUint32(HEADER.sizeBytes, true);
  view.setUint32(HEADER.crc, Bun.hash.crc32(header.subarray(0, sizeBytes)), true);
}

function refused(disk: BlockFile, which: string, why: string): TandemError {
  return new TandemError(
    "disk",
    `Cannot restore the ${which} partition table of ${disk.name}: ${why}`,
  );
}
