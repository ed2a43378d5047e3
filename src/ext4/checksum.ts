import { viewOf } from "./field.ts";

/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;
/** Table n tells what a byte does to the checksum n bytes further on, so that eight bytes go in one step. */
const TABLES = makeTables();

/**
 * CRC-32C as ext4's metadata_csum uses it: goes on from `seed`, inverts neither at the start nor at the end. Start with CRC_START.
 */
export function crc32c(seed: number, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  const wide = bytes.byteLength - (bytes.byteLength % 8);
  let crc = seed | 0;
  for (let at = 0; at < wide; at += 8)
    crc = step(view.getInt32(at, true) ^ crc, 4) ^ step(view.getInt32(at + 4, true), 0);
  for (let at = wide; at < bytes.byteLength; at += 1)
    crc = (crc >>> 8) ^ (TABLES[(crc ^ view.getUint8(at)) & 0xff] ?? 0);
  return crc >>> 0;
}

export const CRC_START = 0xffffffff;

const WORD = new Uint8Array(4);
const WORD_VIEW = viewOf(WORD);

/** The same over one little-endian 32-bit number. */
export function crc32cOfWord(seed: number, value: number): number {
  WORD_VIEW.setUint32(0, value, true);
  return crc32c(seed, WORD);
}

/** What four bytes do to a checksum `behind` bytes after them. */
function step(word: number, behind: number): number {
  const table = behind * 256;
  return (
    (TABLES[table + 768 + (word & 0xff)] ?? 0) ^
    (TABLES[table + 512 + ((word >>> 8) & 0xff)] ?? 0) ^
    (TABLES[table + 256 + ((word >>> 16) & 0xff)] ?? 0) ^
    (TABLES[table + (word >>> 24)] ?? 0)
  );
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0);
  }
  return tables;
}
