/** Makes a partition table byte by byte with valid checksums, so that tests can make invalid tables too. */
import { viewOf } from "../../src/lib/view.ts";
import { PagedImage } from "../fakes/paged-image.ts";

export interface PartitionSetup {
  readonly label: string;
  readonly firstLba: number;
  readonly lastLba: number;
  /** The byte that fills the unique GUID. Default: the partition's number. */
  readonly unique?: number;
  /** The 16 bytes on the disk. */
  readonly type?: Uint8Array;
}

export interface TableSetup {
  readonly sizeBytes?: number;
  readonly sectorBytes?: number;
  readonly partitions: readonly PartitionSetup[];
  /** Changes the header before its checksum is computed. */
  readonly change?: (header: DataView) => void;
}

export const LINUX_TYPE = Buffer.from("af3dc60f838472478e793d69d8477de4", "hex");
export const ESP_TYPE = Buffer.from("28732ac11ff8d211ba4b00a0c93ec93b", "hex");

export function gptImage(setup: TableSetup): PagedImage {
  const { sizeBytes = 4 * 1024 * 1024, sectorBytes = 512 } = setup;
  const image = PagedImage.zeros(sizeBytes);
  const sectors = sizeBytes / sectorBytes;
  const entries = entriesOf(setup.partitions);
  const entrySectors = entries.byteLength / sectorBytes;
  for (const [lba, entriesLba] of [
    [1, 2],
    [sectors - 1, sectors - 1 - entrySectors],
  ] as const) {
    image.write(entriesLba * sectorBytes, entries);
    const header = headerOf({ lba, entriesLba, sectors, sectorBytes, entries });
    setup.change?.(viewOf(header));
    seal(header);
    image.write(lba * sectorBytes, header);
  }
  return image;
}

function entriesOf(partitions: readonly PartitionSetup[]): Buffer {
  const entries = Buffer.alloc(128 * 128);
  for (const [
    index,
    { label, firstLba, lastLba, unique = index + 1, type = LINUX_TYPE },
  ] of partitions.entries()) {
    const entry = entries.subarray(index * 128, (index + 1) * 128);
    entry.set(type, 0);
    entry.fill(unique, 16, 32);
    entry.writeBigUInt64LE(BigInt(firstLba), 32);
    entry.writeBigUInt64LE(BigInt(lastLba), 40);
    entry.write(label.slice(0, 36), 56, "utf16le");
  }
  return entries;
}

function headerOf(place: {
  lba: number;
  entriesLba: number;
  sectors: number;
  sectorBytes: number;
  entries: Buffer;
}): Buffer {
  const { lba, entriesLba, sectors, sectorBytes, entries } = place;
  const entrySectors = entries.byteLength / sectorBytes;
  const header = Buffer.alloc(sectorBytes);
  header.write("EFI PART", "latin1");
  header.writeUInt32LE(0x10000, 8);
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(BigInt(lba), 24);
  header.writeBigUInt64LE(BigInt(sectors - lba), 32);
  header.writeBigUInt64LE(BigInt(2 + entrySectors), 40);
  header.writeBigUInt64LE(BigInt(sectors - 2 - entrySectors), 48);
  header.set(
    Uint8Array.from({ length: 16 }, (_, index) => index),
    56,
  );
  header.writeBigUInt64LE(BigInt(entriesLba), 72);
  header.writeUInt32LE(128, 80);
  header.writeUInt32LE(128, 84);
  header.writeUInt32LE(Bun.hash.crc32(entries), 88);
  return header;
}

function seal(header: Buffer): void {
  header.writeUInt32LE(0, 16);
  header.writeUInt32LE(Bun.hash.crc32(header.subarray(0, 92)), 16);
}
