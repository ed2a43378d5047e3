/** Empty FAT file systems of the smallest size, in memory. */
import { MiB } from "../../src/lib/units.ts";
import { PagedImage } from "./paged-image.ts";

const SECTOR_BYTES = 512;
const FORMATS = {
  16: {
    clusterSectors: 2,
    reserved: 1,
    rootEntries: 512,
    head: new Uint8Array(Uint16Array.of(0xfff8, 0xffff).buffer),
  },
  32: {
    clusterSectors: 1,
    reserved: 32,
    rootEntries: 0,
    head: new Uint8Array(Uint32Array.of(0x0ffffff8, 0x0fffffff, 0x0fffffff).buffer),
  },
} as const;
export const FAT_BYTES: number = 8 * MiB;

export function fatImage(bits: 16 | 32 = 32, sizeBytes: number = FAT_BYTES): PagedImage {
  const image = PagedImage.zeros(sizeBytes);
  const { clusterSectors, reserved, head } = FORMATS[bits];
  const sectors = sizeBytes / SECTOR_BYTES;
  const tableSectors = Math.ceil(((sectors / clusterSectors + 2) * bits) / 8 / SECTOR_BYTES);
  image.write(0, bootSector(bits, sectors, tableSectors));
  if (bits === 32) image.write(SECTOR_BYTES, infoSector());
  for (const copy of [0, 1]) image.write((reserved + copy * tableSectors) * SECTOR_BYTES, head);
  return image;
}

function bootSector(bits: 16 | 32, sectors: number, tableSectors: number): Uint8Array {
  const { clusterSectors, reserved, rootEntries } = FORMATS[bits];
  const boot = new DataView(new ArrayBuffer(SECTOR_BYTES));
  const short = (at: number, value: number): void => boot.setUint16(at, value, true);
  short(11, SECTOR_BYTES);
  boot.setUint8(13, clusterSectors);
  short(14, reserved);
  boot.setUint8(16, 2);
  short(17, rootEntries);
  boot.setUint8(21, 0xf8);
  short(510, 0xaa55);
  if (bits === 16) {
    short(19, sectors);
    short(22, tableSectors);
  } else {
    boot.setUint32(32, sectors, true);
    boot.setUint32(36, tableSectors, true);
    boot.setUint32(44, 2, true);
    short(48, 1);
  }
  return new Uint8Array(boot.buffer);
}

function infoSector(): Uint8Array {
  const info = new DataView(new ArrayBuffer(SECTOR_BYTES));
  info.setUint32(0, 0x41615252, true);
  info.setUint32(484, 0x61417272, true);
  info.setUint32(488, 0xffffffff, true);
  info.setUint32(492, 0xffffffff, true);
  info.setUint32(508, 0xaa550000, true);
  return new Uint8Array(info.buffer);
}
