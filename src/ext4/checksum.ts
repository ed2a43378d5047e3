/** Castagnoli's polynomial with reversed bits. */
const POLYNOMIAL = 0x82f63b78;
/**
 * Tables for "slicing by 8": Tn is the effect of a byte on the checksum n bytes later, so one step handles eight bytes.
 */
const NONE = new Int32Array(0);
const [T0 = NONE, T1 = NONE, T2 = NONE, T3 = NONE, T4 = NONE, T5 = NONE, T6 = NONE, T7 = NONE] =
  makeTables();

export const CRC_START = 0xffffffff;

/** The start of the checksums that a reader compares. Undefined in a file system without metadata_csum. */
export type ReadSeed = number | undefined;

/**
 * Computes CRC-32C as ext4's metadata_csum does: it continues from `seed` and inverts neither the seed nor the result.
 * The first seed is CRC_START. It covers `bytes` from `start` up to, not including, `end`: a subarray for each inode
 * would cost more than the checksum.
 */
// oxlint-disable-next-line max-params, complexity -- An object for the range would be garbage; each ?? counts, and none is taken.
export function crc32c(seed: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = seed | 0;
  let at = start;
  for (const wideEnd = end - 7; at < wideEnd; at += 8)
    crc =
      (T7[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^
      (T6[((crc >>> 8) ^ (bytes[at + 1] ?? 0)) & 0xff] ?? 0) ^
      (T5[((crc >>> 16) ^ (bytes[at + 2] ?? 0)) & 0xff] ?? 0) ^
      (T4[((crc >>> 24) ^ (bytes[at + 3] ?? 0)) & 0xff] ?? 0) ^
      (T3[bytes[at + 4] ?? 0] ?? 0) ^
      (T2[bytes[at + 5] ?? 0] ?? 0) ^
      (T1[bytes[at + 6] ?? 0] ?? 0) ^
      (T0[bytes[at + 7] ?? 0] ?? 0);
  for (; at < end; at += 1) crc = step(crc, bytes[at] ?? 0);
  return crc >>> 0;
}

/** Computes crc32c() over one little-endian 32-bit number. */
export function crc32cOfWord(seed: number, value: number): number {
  const first = step(step(seed | 0, value & 0xff), (value >>> 8) & 0xff);
  return step(step(first, (value >>> 16) & 0xff), value >>> 24) >>> 0;
}

function step(crc: number, byte: number): number {
  return (crc >>> 8) ^ (T0[(crc ^ byte) & 0xff] ?? 0);
}

function makeTables(): readonly Int32Array[] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    first[byte] = crc;
  }
  const tables = [first];
  for (let last = first; tables.length < 8; tables.push(last))
    last = last.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] ?? 0));
  return tables;
}

/** The polynomial x^16 + x^15 + x^2 + 1, bits reversed. */
const POLYNOMIAL_16 = 0xa001;
export const CRC16_START = 0xffff;

/** CRC-16 as ext4 uses it for group descriptors without metadata_csum: continues from `seed`, inverts nothing. */
export function crc16(seed: number, bytes: Uint8Array): number {
  let crc = seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL_16 : 0);
  }
  return crc;
}
