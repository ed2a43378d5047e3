import { viewOf } from "../lib/view.ts";
import { TandemError } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";
import { formatGuid } from "./guid.ts";
import { refuseMbrDisk } from "./mbr.ts";

export interface Partition {
  /** From 1, as in `sda1` and GRUB's `gpt1`. */
  readonly number: number;
  readonly label: string;
  readonly typeGuid: string;
  /** The unique GUID, which Linux calls PARTUUID. */
  readonly uuid: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** The partition table of a disk. */
export interface Gpt {
  /** The name of the disk, for messages. */
  readonly diskName: string;
  readonly diskGuid: string;
  readonly sectorBytes: number;
  readonly from: "primary" | "backup";
  /** Why the primary table could not be used. Undefined when `from` is "primary". */
  readonly problem: string | undefined;
  readonly partitions: readonly Partition[];
}

/** The type of an EFI system partition. */
export const ESP_TYPE_GUID = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

/** UEFI 2.10, table 5.5: the header. */
export const HEADER = {
  signature: 0,
  sizeBytes: 12,
  crc: 16,
  ownLba: 24,
  otherLba: 32,
  firstUsableLba: 40,
  lastUsableLba: 48,
  diskGuid: 56,
  entriesLba: 72,
  entryCount: 80,
  entryBytes: 84,
  entriesCrc: 88,
} as const;
/** UEFI 2.10, table 5.6: one entry. */
const ENTRY = { type: 0, unique: 16, firstLba: 32, lastLba: 40, name: 56, end: 128 } as const;

const SIGNATURE = "EFI PART";
const HEADER_BYTES_MIN = 92;
/** Usual tables have 16 KiB. The limit stops a broken header from asking for gigabytes. */
const ENTRIES_BYTES_MAX = MiB;
const SECTOR_BYTES = [512, 4096] as const;

/**
 * Reads the primary table, or else the backup at the end of the disk. Throws "disk" when both are invalid, and for an
 * MBR disk.
 */
export function readGpt(disk: BlockFile): Gpt {
  refuseMbrDisk(disk);
  const primary = readCopy(disk, "primary");
  if (!("problem" in primary))
    return gptOf(disk, primary.table, { from: "primary", problem: undefined });
  const backup = readCopy(disk, "backup");
  if (!("problem" in backup))
    return gptOf(disk, backup.table, { from: "backup", problem: primary.problem });
  throw new TandemError(
    "disk",
    `Cannot read the partition table of ${disk.name}: primary: ${primary.problem}; backup: ${backup.problem}`,
  );
}

function gptOf(
  { name }: BlockFile,
  { diskGuid, sectorBytes, partitions }: Table,
  origin: Pick<Gpt, "from" | "problem">,
): Gpt {
  return { diskName: name, diskGuid, sectorBytes, partitions, ...origin };
}

/**
 * Returns the partition with this label, or undefined. Throws "disk" when several have it, because any of them could be
 * meant.
 */
export function findPartition(gpt: Gpt, label: string): Partition | undefined {
  const found = gpt.partitions.filter((partition) => partition.label === label);
  if (found.length < 2) return found[0];
  const numbers = found.map(({ number }) => number).join(", ");
  throw new TandemError(
    "disk",
    `Cannot find partition "${label}" on ${gpt.diskName}: partitions ${numbers} all have this label`,
    { hint: "Give each partition of the disk a label of its own." },
  );
}

/** Returns the other partitions that overlap with this one. */
export function overlapping(gpt: Gpt, partition: Partition): readonly Partition[] {
  const endBytes = partition.offsetBytes + partition.sizeBytes;
  return gpt.partitions.filter(
    (other) =>
      other.number !== partition.number &&
      other.offsetBytes < endBytes &&
      partition.offsetBytes < other.offsetBytes + other.sizeBytes,
  );
}

export interface Table extends Pick<Gpt, "diskGuid" | "sectorBytes" | "partitions"> {
  /** The sector of the other copy, according to this one. */
  readonly otherLba: number;
  readonly entriesCrc: number;
}
export type GptReading = { readonly table: Table } | { readonly problem: string };

/**
 * Reads one of the two tables. Never throws. A device knows its sector size; for a plain file it tries 512, then 4096
 * bytes.
 */
export function readCopy(disk: BlockFile, which: "primary" | "backup"): GptReading {
  const problems: string[] = [];
  for (const sectorBytes of disk.sectorBytes === undefined ? SECTOR_BYTES : [disk.sectorBytes]) {
    const reading = readSized(disk, which, sectorBytes);
    if ("table" in reading) return reading;
    problems.push(`${reading.problem} (with sectors of ${sectorBytes} bytes)`);
  }
  for (const sectorBytes of SECTOR_BYTES)
    if (disk.sectorBytes !== undefined && "table" in readSized(disk, which, sectorBytes))
      problems.push(
        `there is one for sectors of ${sectorBytes} bytes, which the device does not have`,
      );
  return { problem: problems.join(", ") };
}

function readSized(disk: BlockFile, which: "primary" | "backup", sectorBytes: number): GptReading {
  const sectors = Math.floor(disk.sizeBytes / sectorBytes);
  return tryTable(disk, { sectorBytes, sectors, lba: which === "primary" ? 1 : sectors - 1 });
}

/** The sector of a header, and the size of the disk in sectors. */
interface HeaderPlace {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly lba: number;
}

interface TableHeader {
  readonly diskGuid: string;
  readonly otherLba: number;
  readonly firstUsableLba: number;
  readonly lastUsableLba: number;
  readonly entriesLba: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entriesCrc: number;
}

/** The reason why a table is invalid. tryTable() turns it into the text of a GptReading. */
class BadTable extends Error {}

function tryTable(disk: BlockFile, place: HeaderPlace): GptReading {
  try {
    const header = readHeader(disk, place);
    return { table: readTable(disk, place, header) };
  } catch (error) {
    // TandemError: one end of the disk cannot be read. The other table may still be readable.
    if (error instanceof BadTable || error instanceof TandemError)
      return { problem: error.message };
    throw error;
  }
}

function readHeader(disk: BlockFile, { sectorBytes, sectors, lba }: HeaderPlace): TableHeader {
  if (lba < 1 || lba >= sectors) throw new BadTable("the disk is too small");
  const bytes = readBlock(disk, lba * sectorBytes, sectorBytes);
  const view = viewOf(bytes);
  if (Buffer.from(bytes.subarray(0, SIGNATURE.length)).toString("latin1") !== SIGNATURE)
    throw new BadTable(`no "${SIGNATURE}" at sector ${lba}`);
  const sizeBytes = view.getUint32(HEADER.sizeBytes, true);
  if (sizeBytes < HEADER_BYTES_MIN || sizeBytes > sectorBytes)
    throw new BadTable(`the header at sector ${lba} claims a size of ${sizeBytes} bytes`);
  const crc = view.getUint32(HEADER.crc, true);
  view.setUint32(HEADER.crc, 0, true);
  if (Bun.hash.crc32(bytes.subarray(0, sizeBytes)) !== crc)
    throw new BadTable(`the checksum of the header at sector ${lba} is wrong`);
  const ownLba = lbaAt(view, HEADER.ownLba);
  if (ownLba !== lba) throw new BadTable(`the header at sector ${lba} belongs at sector ${ownLba}`);
  return {
    diskGuid: formatGuid(bytes.subarray(HEADER.diskGuid, HEADER.diskGuid + 16)),
    otherLba: otherAt(view),
    firstUsableLba: lbaAt(view, HEADER.firstUsableLba),
    lastUsableLba: lbaAt(view, HEADER.lastUsableLba),
    entriesLba: lbaAt(view, HEADER.entriesLba),
    entryCount: view.getUint32(HEADER.entryCount, true),
    entryBytes: view.getUint32(HEADER.entryBytes, true),
    entriesCrc: view.getUint32(HEADER.entriesCrc, true),
  };
}

function readTable(disk: BlockFile, place: HeaderPlace, header: TableHeader): Table {
  const { entryBytes, entryCount } = header;
  const bytes = readEntries(disk, place, header);
  const partitions = Array.from({ length: entryCount }, (_, index) =>
    parseEntry(bytes.subarray(index * entryBytes, (index + 1) * entryBytes), index + 1, {
      ...place,
      ...header,
    }),
  ).filter((partition) => partition !== undefined);
  const { diskGuid, otherLba, entriesCrc } = header;
  return { diskGuid, sectorBytes: place.sectorBytes, partitions, otherLba, entriesCrc };
}

function readEntries(disk: BlockFile, place: HeaderPlace, header: TableHeader): Uint8Array {
  const { entriesLba, entryBytes, entryCount } = header;
  if (entryBytes < ENTRY.end || entryBytes % ENTRY.end !== 0)
    throw new BadTable(`an entry claims a size of ${entryBytes} bytes`);
  const sizeBytes = entryBytes * entryCount;
  if (sizeBytes > ENTRIES_BYTES_MAX)
    throw new BadTable(`${entryCount} entries of ${entryBytes} bytes are too many`);
  if (entriesLba * place.sectorBytes + sizeBytes > disk.sizeBytes)
    throw new BadTable("the entries do not lie on the disk");
  const bytes = readBlock(disk, entriesLba * place.sectorBytes, sizeBytes);
  if (Bun.hash.crc32(bytes) !== header.entriesCrc)
    throw new BadTable("the checksum of the entries is wrong");
  return bytes;
}

function parseEntry(
  bytes: Uint8Array,
  number: number,
  limits: HeaderPlace & TableHeader,
): Partition | undefined {
  const type = bytes.subarray(ENTRY.type, ENTRY.unique);
  // Most entries are unused.
  if (type.every((byte) => byte === 0)) return undefined;
  const view = viewOf(bytes);
  const firstLba = lbaAt(view, ENTRY.firstLba);
  const lastLba = lbaAt(view, ENTRY.lastLba);
  if (
    firstLba < limits.firstUsableLba ||
    lastLba < firstLba ||
    lastLba > limits.lastUsableLba ||
    lastLba >= limits.sectors
  )
    throw new BadTable(`partition ${number} claims sectors ${firstLba} to ${lastLba}`);
  return {
    number,
    label: parseName(bytes.subarray(ENTRY.name, ENTRY.end)),
    typeGuid: formatGuid(type),
    uuid: formatGuid(bytes.subarray(ENTRY.unique, ENTRY.firstLba)),
    offsetBytes: firstLba * limits.sectorBytes,
    sizeBytes: (lastLba - firstLba + 1) * limits.sectorBytes,
  };
}

/** Parses UTF-16LE up to the first NUL. */
function parseName(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("utf16le");
  const end = text.indexOf("\0");
  return end === -1 ? text : text.slice(0, end);
}

/** Not checked: a table is used without the other, so a wrong number does no harm here. */
function otherAt(view: DataView): number {
  return Number(view.getBigUint64(HEADER.otherLba, true));
}

export function lbaAt(view: DataView, offset: number): number {
  const lba = Number(view.getBigUint64(offset, true));
  // A larger byte offset would not be an exact number.
  if (lba > Number.MAX_SAFE_INTEGER / 4096) throw new BadTable(`there is no sector ${lba}`);
  return lba;
}
