import { KiB } from "../lib/units.ts";

/** Small enough to stay in the processor's cache until it is hashed and copied, large enough to make calls rare. */
export const BUFFER_BYTES = 256 * KiB;

/** Provides buffers for a layer's decompressed bytes, and computes their SHA-256. */
export interface OutputHash {
  /** Returns the buffer for the next bytes. Its content stays valid until the next call. */
  buffer(): Uint8Array;
  /** Adds the next bytes, which may lie in the buffer or elsewhere. */
  update(bytes: Uint8Array): void;
  /** Returns the hash in hexadecimal, and starts a new hash. */
  digest(): string;
}

/** Hashes in this thread, with one buffer. */
export function hashHere(): OutputHash {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const hash = new Bun.CryptoHasher("sha256");
  return {
    buffer: () => buffer,
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.digest("hex"),
  };
}
