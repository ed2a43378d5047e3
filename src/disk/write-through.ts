import { TandemError } from "../lib/error.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";

/** Bytes and their offset in the file. */
export interface Piece {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/** Writes, flushes, and reads back from the medium. Throws "disk" when the medium does not hold what was written. */
export function writeThrough(
  file: BlockFile,
  offsetBytes: number,
  bytes: Uint8Array,
): Promise<void> {
  return writeAllThrough(file, [{ offsetBytes, bytes }]);
}

/** Like writeThrough() for several pieces with one flush. A power cut may leave any of them unwritten. */
export async function writeAllThrough(file: BlockFile, pieces: readonly Piece[]): Promise<void> {
  for (const { offsetBytes, bytes } of pieces) file.write(offsetBytes, bytes);
  await file.flush();
  for (const { offsetBytes, bytes } of pieces) {
    file.dropCache(offsetBytes, bytes.byteLength);
    const found = readBlock(file, offsetBytes, bytes.byteLength);
    if (Buffer.compare(found, bytes) !== 0)
      throw new TandemError(
        "disk",
        `Cannot write ${bytes.byteLength} bytes at ${offsetBytes} of ${file.name}: the medium holds something else afterwards`,
      );
  }
}
