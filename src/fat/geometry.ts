import { viewOf } from "../lib/view.ts";
import { TandemError } from "../lib/error.ts";
import { KiB, MiB } from "../lib/units.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";

/** The offsets and sizes of a FAT file system's parts, in bytes from its start. */
export interface FatGeometry {
  /** The size of a table entry. */
  readonly bits: 16 | 32;
  readonly sectorBytes: number;
  readonly clusterBytes: number;
  /** The offsets of the copies of the table, one or two. */
  readonly tableOffsets: readonly number[];
  readonly tableBytes: number;
  /** The count of clusters. They are numbered from 2 to `clusters + 1`. */
  readonly clusters: number;
  readonly dataOffsetBytes: number;
  /** The root directory is an ordinary directory in FAT32, and a fixed range of bytes in FAT16. */
  readonly root:
    | { readonly cluster: number }
    | { readonly offsetBytes: number; readonly sizeBytes: number };
  /** The offset of the FSInfo sector. Undefined when there is none with valid signatures. */
  readonly infoOffsetBytes: number | undefined;
}

/** The boot sector and FSInfo. See Microsoft's FAT32 File System Specification 1.03, to which UEFI refers. */
const BOOT = {
  sectorBytes: 11,
  clusterSectors: 13,
  reservedSectors: 14,
  tables: 16,
  rootEntries: 17,
  sectors16: 19,
  tableSectors16: 22,
  sectors32: 32,
  tableSectors32: 36,
  flags32: 40,
  version32: 42,
  rootCluster32: 44,
  infoSector32: 48,
  signature: 510,
} as const;
const SIGNATURE = 0xaa55;
const INFO = { lead: 0, struct: 484, trail: 508 } as const;
const INFO_SIGNATURES = { lead: 0x41615252, struct: 0x61417272, trail: 0xaa550000 } as const;

const BOOT_BYTES = 512;
const SECTOR_BYTES = [512, 1024, 2048, 4096] as const;
const CLUSTER_BYTES_MAX = 64 * KiB;
/** A file system with fewer clusters is a FAT12. */
const CLUSTERS_MIN_16 = 4085;
/** Larger numbers in the table are marks, not clusters. */
const CLUSTERS_MAX = { 16: 0xfff0, 32: 0xffffff0 } as const;
/** The whole table is held in memory. With clusters of 4 KiB this allows an ESP of 16 GiB. */
const TABLE_BYTES_MAX = 16 * MiB;
const DIRECTORY_ENTRY_BYTES = 32;

/**
 * Reads the boot sector. Throws "disk" when it is no FAT16 or FAT32, or when its numbers contradict each other or the
 * device.
 */
export function readGeometry(file: BlockFile): FatGeometry {
  if (file.sizeBytes < BOOT_BYTES) throw refused(file, `it has only ${file.sizeBytes} bytes`);
  const boot = viewOf(readBlock(file, 0, BOOT_BYTES));
  const counts = readCounts(file, boot);
  const { sectorBytes, reserved, tables, tableSectors, rootSectors, clusterSectors } = counts;
  const tableOffsets = Array.from(
    { length: tables },
    (_, index) => (reserved + index * tableSectors) * sectorBytes,
  );
  const rootOffsetBytes = (reserved + tables * tableSectors) * sectorBytes;
  const dataSectors = counts.sectors - rootSectors - Math.floor(rootOffsetBytes / sectorBytes);
  const clusters = Math.floor(dataSectors / clusterSectors);
  const bits = bitsOf(file, boot, clusters);
  const tableBytes = tableSectors * sectorBytes;
  if (tableBytes < ((clusters + 2) * bits) / 8)
    throw refused(file, `its table of ${tableBytes} bytes has no room for ${clusters} clusters`);
  const dataOffsetBytes = rootOffsetBytes + rootSectors * sectorBytes;
  const isOld = bits === 16;
  return {
    bits,
    sectorBytes,
    clusterBytes: clusterSectors * sectorBytes,
    tableOffsets,
    tableBytes,
    clusters,
    dataOffsetBytes,
    root: isOld
      ? { offsetBytes: rootOffsetBytes, sizeBytes: rootSectors * sectorBytes }
      : { cluster: rootCluster(file, boot, clusters) },
    infoOffsetBytes: isOld ? undefined : findInfo(file, boot, sectorBytes),
  };
}

interface Counts {
  readonly sectorBytes: number;
  readonly clusterSectors: number;
  readonly reserved: number;
  readonly tables: number;
  readonly tableSectors: number;
  readonly rootSectors: number;
  readonly sectors: number;
}

function readCounts(file: BlockFile, boot: DataView): Counts {
  const short = (at: number): number => boot.getUint16(at, true);
  if (short(BOOT.signature) !== SIGNATURE) throw refused(file, "it has no boot sector signature");
  const sectorBytes = short(BOOT.sectorBytes);
  const clusterSectors = boot.getUint8(BOOT.clusterSectors);
  const rootBytes = short(BOOT.rootEntries) * DIRECTORY_ENTRY_BYTES;
  const counts = {
    sectorBytes,
    clusterSectors,
    reserved: short(BOOT.reservedSectors),
    tables: boot.getUint8(BOOT.tables),
    tableSectors: short(BOOT.tableSectors16) || boot.getUint32(BOOT.tableSectors32, true),
    rootSectors: Math.ceil(rootBytes / sectorBytes),
    sectors: short(BOOT.sectors16) || boot.getUint32(BOOT.sectors32, true),
  };
  const problem = problemOf(counts, file.sizeBytes);
  if (problem !== undefined) throw refused(file, problem);
  return counts;
}

function problemOf(counts: Counts, sizeBytes: number): string | undefined {
  const { sectorBytes, clusterSectors, reserved, tables, tableSectors, sectors } = counts;
  if (!SECTOR_BYTES.some((known) => known === sectorBytes))
    return `its sectors have ${sectorBytes} bytes`;
  const clusterBytes = clusterSectors * sectorBytes;
  if (!Number.isInteger(Math.log2(clusterSectors)) || clusterBytes > CLUSTER_BYTES_MAX)
    return `its clusters have ${clusterSectors} sectors`;
  if (reserved < 1 || tables < 1 || tables > 2)
    return `it has ${tables} tables after ${reserved} sectors`;
  if (tableSectors < 1 || tableSectors * sectorBytes > TABLE_BYTES_MAX)
    return `its table has ${tableSectors} sectors`;
  if (sectors * sectorBytes > sizeBytes)
    return `it says it has ${sectors * sectorBytes} bytes, more than the ${sizeBytes} there are`;
  return undefined;
}

/** Distinguishes FAT16 and FAT32 as Linux and EDK II do. Both accept a FAT32 smaller than the specification allows. */
function bitsOf(file: BlockFile, boot: DataView, clusters: number): 16 | 32 {
  const bits = boot.getUint16(BOOT.tableSectors16, true) === 0 ? 32 : 16;
  if (clusters < 1 || clusters > CLUSTERS_MAX[bits])
    throw refused(file, `it has ${clusters} clusters`);
  if (bits === 16 && clusters < CLUSTERS_MIN_16)
    throw refused(file, `with ${clusters} clusters it is a FAT12, which tandem does not know`);
  return bits;
}

function rootCluster(file: BlockFile, boot: DataView, clusters: number): number {
  const cluster = boot.getUint32(BOOT.rootCluster32, true);
  if (cluster < 2 || cluster > clusters + 1)
    throw refused(file, `its root is at cluster ${cluster}`);
  if (boot.getUint16(BOOT.version32, true) !== 0) throw refused(file, "it has an unknown version");
  // Bit 7: only one of the tables is kept up to date.
  if (boot.getUint16(BOOT.flags32, true) % 256 >= 128)
    throw refused(file, "its tables are not kept alike");
  return cluster;
}

function findInfo(file: BlockFile, boot: DataView, sectorBytes: number): number | undefined {
  const sector = boot.getUint16(BOOT.infoSector32, true);
  if (sector === 0 || sector >= boot.getUint16(BOOT.reservedSectors, true)) return undefined;
  const offsetBytes = sector * sectorBytes;
  const info = viewOf(readBlock(file, offsetBytes, BOOT_BYTES));
  const isInfo = (["lead", "struct", "trail"] as const).every(
    (name) => info.getUint32(INFO[name], true) === INFO_SIGNATURES[name],
  );
  return isInfo ? offsetBytes : undefined;
}

function refused(file: BlockFile, why: string): TandemError {
  return new TandemError("disk", `Cannot use ${file.name} as a FAT file system: ${why}`);
}
