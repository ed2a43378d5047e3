/**
 * A range of the device and the hash of what was written there. A range never crosses the end of a chunk. XXH3-64 is
 * nearly free and detects errors of the medium. It does not protect against attackers: for them there is the hash root,
 * the SHA-256 over what is read back.
 */
export interface WrittenRange {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly xxh3: bigint;
}

export function rangeOf(offsetBytes: number, bytes: Uint8Array): WrittenRange {
  return { offsetBytes, sizeBytes: bytes.byteLength, xxh3: Bun.hash.xxHash3(bytes) };
}
