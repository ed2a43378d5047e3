/** Bytes that were written to the device and what they were. A range never crosses from one chunk into the next. */
export interface WrittenRange {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly sha256: Uint8Array;
}

export function rangeOf(offsetBytes: number, bytes: Uint8Array): WrittenRange {
  const sha256 = new Uint8Array(32);
  Bun.SHA256.hash(bytes, sha256);
  return { offsetBytes, sizeBytes: bytes.byteLength, sha256 };
}
