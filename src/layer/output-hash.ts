import { KiB } from "../lib/units.ts";

/** Small enough to stay in the processor's cache until it is hashed and copied on, large enough to make calls rare. */
export const ROOM_BYTES = 256 * KiB;

/** Where a layer's decompressed bytes lie on their way, and the SHA-256 of them all. */
export interface OutputHash {
  /** Memory for the next bytes. They stay there until the room is asked for again. */
  room(): Uint8Array;
  /** These bytes are the next; they may lie in the room. */
  update(bytes: Uint8Array): void;
  /** The hash in hexadecimal; then it begins anew. */
  digest(): string;
}

/** Hashes in this thread, in one room. */
export function hashHere(): OutputHash {
  const room = new Uint8Array(ROOM_BYTES);
  const hash = new Bun.CryptoHasher("sha256");
  return {
    room: () => room,
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.digest("hex"),
  };
}
