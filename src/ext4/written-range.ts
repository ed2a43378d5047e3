/**
 * Bytes that were written to the device and what they were. A range never crosses from one chunk into the next. XXH3-64 costs next to
 * nothing and finds what a medium does to data; against people there is the hash root, which is made of what is read back.
 */
export interface WrittenRange {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly xxh3: bigint;
}

export function rangeOf(offsetBytes: number, bytes: Uint8Array): WrittenRange {
  return { offsetBytes, sizeBytes: bytes.byteLength, xxh3: Bun.hash.xxHash3(bytes) };
}
