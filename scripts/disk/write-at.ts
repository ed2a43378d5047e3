import { closeSync, openSync, writeSync } from "node:fs";

/** Writes into an existing file without changing the rest of it. */
export function writeAt(path: string, offsetBytes: number, bytes: Uint8Array): void {
  const file = openSync(path, "r+");
  try {
    for (let done = 0; done < bytes.byteLength;)
      done += writeSync(file, bytes, done, bytes.byteLength - done, offsetBytes + done);
  } finally {
    closeSync(file);
  }
}
