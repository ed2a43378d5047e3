/** Writes a sparse file without its zeros, so that a disk of 24 MiB costs only its 3 MiB of data. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { KiB } from "../../src/lib/units.ts";

const PIECE_BYTES = 64 * KiB;
const ZEROS = new Uint8Array(PIECE_BYTES);

export function writeSparse(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, "w");
  try {
    ftruncateSync(fd, bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      if (Buffer.compare(piece, ZEROS.subarray(0, piece.byteLength)) !== 0)
        writeSync(fd, piece, 0, piece.byteLength, at);
    }
  } finally {
    closeSync(fd);
  }
}
