import { viewOf } from "../lib/view.ts";
import { TandemError } from "../lib/error.ts";
import { KiB, MiB } from "../lib/units.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";

/** Where things lie in a FAT file system, in bytes from its start. */
export interface FatGeometry {
  /** Bits of one entry of the table. */
  readonly bits: 16 | 32;
  readonly sectorBytes: number;
  readonly clusterBytes: number;
  /** The copies of the table, one or two. */
  readonly tableOffsets: readonly number[];
  readonly tableBytes: number;
  /** Their numbers run from 2 to `clusters + 1`. */
  readonly clusters: number;
  readonly dataOffsetBytes: number;
  /** FAT16 has a root directory of its own that cannot grow. */
  readonly root:
    | { readonly cluster: number }
    | { readonly offsetBytes: number; readonly sizeBytes: number };
  /** Of the FSInfo sector; undefined when there is none that can be trusted. */
  readonly infoOffsetBytes: number | undefined;
}

/** The boot sector and FSInfo: Microsoft's FAT32 File System Specification 1.03 (the one that UEFI refers to). */
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
/** A smaller one is FAT12. */
const CLUSTERS_MIN_16 = 4085;
/** Numbers above are marks. */
const CLUSTERS_MAX = { 16: 0xfff0, 32: 0xffffff0 } as const;
/** Of 4 KiB clusters that is an ESP of 16 GiB; the table is held in memory whole. */
const TABLE_BYTES_MAX = 16 * MiB;
const DIRECTORY_ENTRY_BYTES = 32;

/** Throws `disk` when there is no FAT16 or FAT32 whose numbers fit each other and the device. */
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
  const flaw = flawOf(counts, file.sizeBytes);
  if (flaw !== undefined) throw refused(file, flaw);
  return counts;
}

function flawOf(counts: Counts, sizeBytes: number): string | undefined {
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

/** As Linux and EDK II tell them apart, which take a FAT32 that is smaller than the specification has it. */
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
  // Bit 7: only one table is kept, and which of them.
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
