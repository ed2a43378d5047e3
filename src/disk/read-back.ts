import { TandemError, reasonOf } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import type { BlockFile } from "../system/block-file.ts";

/** A piece of a file or device. */
export interface Range {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A piece that was written, and the SHA-256 of what was written there. */
export interface HashedRange extends Range {
  readonly sha256: Uint8Array;
}

export interface ReadBackOptions {
  /** Called after each piece with the bytes read so far. */
  readonly onProgress?: (doneBytes: number) => void;
  readonly signal?: AbortSignal;
}

const BUFFER_BYTES = MiB;

/**
 * Reads everything that was written once more, from the medium and not from the page cache. Throws `disk` at the first range that
 * does not hold what was written. Flush the file first.
 */
export async function readBack(
  file: BlockFile,
  ranges: readonly HashedRange[],
  options: ReadBackOptions = {},
): Promise<void> {
  const ascending = byOffset(ranges);
  let index = 0;
  for await (const { offsetBytes, sizeBytes, sha256 } of hashMedium(file, ascending, options)) {
    const written = ascending[index]?.sha256;
    index += 1;
    if (written === undefined || Buffer.compare(written, sha256) !== 0)
      throw new TandemError(
        "disk",
        `Cannot verify ${file.name}: the ${sizeBytes} bytes at ${offsetBytes} are not what was written there`,
        {
          hint: "The medium loses or changes data: check it, and its cable and power, before use.",
        },
      );
  }
}

/** Yields each range with the hash of what the medium holds there, in the order given. */
export async function* hashMedium(
  file: BlockFile,
  ranges: readonly Range[],
  { onProgress, signal }: ReadBackOptions = {},
): AsyncGenerator<HashedRange> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let doneBytes = 0;
  for (const { offsetBytes, sizeBytes } of ranges) {
    if (signal?.aborted === true)
      throw new TandemError("interrupted", `Cannot read back ${file.name}: interrupted`);
    yield { offsetBytes, sizeBytes, sha256: hashOf(file, { offsetBytes, sizeBytes }, buffer) };
    doneBytes += sizeBytes;
    onProgress?.(doneBytes);
    await breathe();
  }
}

export function byOffset<R extends Range>(ranges: readonly R[]): R[] {
  return ranges.toSorted((one, other) => one.offsetBytes - other.offsetBytes);
}

function hashOf(
  file: BlockFile,
  { offsetBytes, sizeBytes }: Range,
  buffer: Uint8Array,
): Uint8Array {
  const hasher = new Bun.CryptoHasher("sha256");
  for (let done = 0; done < sizeBytes; done += buffer.byteLength) {
    const piece = buffer.subarray(0, Math.min(buffer.byteLength, sizeBytes - done));
    readMedium(file, offsetBytes + done, piece);
    hasher.update(piece);
  }
  return hasher.digest();
}

function readMedium(file: BlockFile, offsetBytes: number, target: Uint8Array): void {
  try {
    file.dropCache(offsetBytes, target.byteLength);
    file.readInto(offsetBytes, target);
  } catch (cause) {
    throw new TandemError(
      "disk",
      `Cannot read back ${file.name} at ${offsetBytes}: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

/** Lets timers, signals and progress have their turn. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
