import { viewOf } from "../../src/lib/view.ts";

export interface ReadEntry {
  readonly name: string;
  readonly inode: number;
  readonly type: number;
}

/** Returns the records of a linear directory block, the tail included, read in the same way as the kernel. */
export function readEntries(block: Uint8Array): ReadEntry[] {
  const view = viewOf(block);
  const entries: ReadEntry[] = [];
  let at = 0;
  while (at < block.byteLength) {
    const inode = view.getUint32(at, true);
    const recordBytes = view.getUint16(at + 4, true);
    if (recordBytes < 8 || recordBytes % 4 !== 0)
      throw new Error(`record of ${recordBytes} at ${at}`);
    const name = Buffer.from(block.subarray(at + 8, at + 8 + view.getUint8(at + 6))).toString();
    if (inode !== 0) entries.push({ name, inode, type: view.getUint8(at + 7) });
    at += recordBytes;
  }
  if (at !== block.byteLength) throw new Error(`records end at ${at}`);
  return entries;
}
