import { TandemError } from "../lib/error.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";

/** Writes, flushes, and reads back from the medium. Throws `disk` when that is not what was written. */
export async function writeThrough(
  file: BlockFile,
  offsetBytes: number,
  bytes: Uint8Array,
): Promise<void> {
  file.write(offsetBytes, bytes);
  await file.flush();
  file.dropCache(offsetBytes, bytes.byteLength);
  const found = readBlock(file, offsetBytes, bytes.byteLength);
  if (Buffer.compare(found, bytes) !== 0)
    throw new TandemError(
      "disk",
      `Cannot write ${bytes.byteLength} bytes at ${offsetBytes} of ${file.name}: the medium holds something else afterwards`,
    );
}
