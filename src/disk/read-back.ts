import { assert } from "../lib/assert.ts";
import { TandemError, reasonOf } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import type { BlockFile } from "../system/block-file.ts";

/** A piece of a file or device. */
export interface Range {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A piece that was written, at most 1 MiB, and the XXH3-64 of what was written there. */
export interface CheckedRange extends Range {
  readonly xxh3: bigint;
}

/** What the medium holds of a piece. */
export interface HashedRange extends CheckedRange {
  readonly sha256: Uint8Array;
}

export interface ReadBackOptions {
  /** Called after each piece with the bytes read so far. */
  readonly onProgress?: (doneBytes: number) => void;
  readonly signal?: AbortSignal;
}

const BUFFER_BYTES = MiB;
/** Pieces under way at once: while some are read, others are hashed, both by threads of the runtime. More gains nothing. */
const LANES = 3;

/**
 * Reads everything that was written once more, from the medium and not from the page cache, and returns it with its hashes, ascending.
 * Throws `disk` and names the first range that does not hold what was written. Flush the file first.
 */
export async function readBack(
  file: BlockFile,
  ranges: readonly CheckedRange[],
  options: ReadBackOptions = {},
): Promise<HashedRange[]> {
  const written = byOffset(ranges);
  const found = await hashMedium(file, written, options);
  const wrong = found.find(({ xxh3 }, index) => xxh3 !== written[index]?.xxh3);
  if (wrong === undefined) return found;
  throw new TandemError(
    "disk",
    `Cannot verify ${file.name}: the ${wrong.sizeBytes} bytes at ${wrong.offsetBytes} are not what was written there`,
    {
      hint: "The medium loses or changes data: check it, and its cable and power, before use.",
    },
  );
}

/** What the medium holds in each range, which has at most 1 MiB, in the order given. */
export async function hashMedium(
  file: BlockFile,
  ranges: readonly Range[],
  options: ReadBackOptions = {},
): Promise<HashedRange[]> {
  // All at once: what the system reads ahead of one lane may be what another lane wants.
  file.dropCache(0, file.sizeBytes);
  const reading: Reading = { file, ranges, options, found: [], nextIndex: 0, doneBytes: 0 };
  await Promise.all(Array.from({ length: LANES }, () => readOn(reading)));
  return reading.found;
}

export function byOffset<R extends Range>(ranges: readonly R[]): R[] {
  return ranges.toSorted((one, other) => one.offsetBytes - other.offsetBytes);
}

interface Reading {
  readonly file: BlockFile;
  readonly ranges: readonly Range[];
  readonly options: ReadBackOptions;
  readonly found: HashedRange[];
  nextIndex: number;
  doneBytes: number;
}

/** One lane: takes the next piece as long as there is one. */
async function readOn(reading: Reading): Promise<void> {
  const { file, ranges, found, options } = reading;
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const index = reading.nextIndex;
    const range = ranges[index];
    if (range === undefined) return;
    if (options.signal?.aborted === true)
      throw new TandemError("interrupted", `Cannot read back ${file.name}: interrupted`);
    reading.nextIndex += 1;
    found[index] = await hashOf(file, range, buffer);
    reading.doneBytes += range.sizeBytes;
    options.onProgress?.(reading.doneBytes);
  }
}

async function hashOf(
  file: BlockFile,
  { offsetBytes, sizeBytes }: Range,
  buffer: Uint8Array<ArrayBuffer>,
): Promise<HashedRange> {
  assert(sizeBytes <= buffer.byteLength, "a range has at most 1 MiB");
  const bytes = buffer.subarray(0, sizeBytes);
  await read(file, offsetBytes, bytes);
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { offsetBytes, sizeBytes, xxh3: Bun.hash.xxHash3(bytes), sha256 };
}

async function read(file: BlockFile, offsetBytes: number, target: Uint8Array): Promise<void> {
  try {
    await file.read(offsetBytes, target);
  } catch (cause) {
    throw new TandemError(
      "disk",
      `Cannot read back ${file.name} at ${offsetBytes}: ${reasonOf(cause)}`,
      { cause },
    );
  }
}
