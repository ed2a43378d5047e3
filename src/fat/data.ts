import type { Range } from "../disk/read-back.ts";
import { MiB } from "../lib/units.ts";
import type { BlockFile } from "../system/block-file.ts";

/** The content of a file, to write or as read. */
export interface FileContent {
  readonly sizeBytes: number;
  /** Returns the bytes in order. A chunk is valid only until the next one is requested. */
  read(): Iterable<Uint8Array>;
}

const BUFFER_BYTES = MiB;

/** Reads all ranges in order, from the medium and not from the page cache. */
export function* readRanges(file: BlockFile, ranges: readonly Range[]): Generator<Uint8Array> {
  const largest = ranges.reduce((max, { sizeBytes }) => Math.max(max, sizeBytes), 0);
  const buffer = new Uint8Array(Math.min(BUFFER_BYTES, largest));
  for (const { offsetBytes, sizeBytes } of ranges)
    for (let done = 0; done < sizeBytes; done += BUFFER_BYTES) {
      const chunk = buffer.subarray(0, Math.min(BUFFER_BYTES, sizeBytes - done));
      file.dropCache(offsetBytes + done, chunk.byteLength);
      file.readInto(offsetBytes + done, chunk);
      yield chunk;
    }
}

/**
 * Writes the content to the ranges. Returns its SHA-256, or its real size when that differs from `content.sizeBytes`.
 */
export function writeRanges(
  file: BlockFile,
  content: FileContent,
  ranges: readonly Range[],
): { readonly sha256: string } | { readonly sizeBytes: number } {
  const hasher = new Bun.CryptoHasher("sha256");
  const append = appenderTo(file, ranges);
  let sizeBytes = 0;
  for (const chunk of content.read()) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > content.sizeBytes) return { sizeBytes };
    hasher.update(chunk);
    append(chunk);
  }
  return sizeBytes === content.sizeBytes ? { sha256: hasher.digest("hex") } : { sizeBytes };
}

/** Returns a function that writes each chunk after the previous one. */
function appenderTo(file: BlockFile, ranges: readonly Range[]): (chunk: Uint8Array) => void {
  let [index, at] = [0, 0];
  return (chunk) => {
    for (let done = 0; done < chunk.byteLength;) {
      const range = ranges[index] ?? { offsetBytes: 0, sizeBytes: 0 };
      const piece = chunk.subarray(done, done + range.sizeBytes - at);
      file.write(range.offsetBytes + at, piece);
      done += piece.byteLength;
      at += piece.byteLength;
      if (at === range.sizeBytes) [index, at] = [index + 1, 0];
    }
  };
}
