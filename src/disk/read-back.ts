import { assert } from "../lib/assert.ts";
import { TandemError, reasonOf } from "../lib/error.ts";
import { formatBytes, MiB } from "../lib/units.ts";
import type { BlockFile } from "../system/block-file.ts";
import { directMemory } from "../system/direct-memory.ts";

/** A piece of a file or device. */
export interface Range {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A piece that was written, at most 1 MiB, and the XXH3-64 of what was written there. */
export interface CheckedRange extends Range {
  readonly xxh3: bigint;
}

/** A piece with the SHA-256 of what the medium holds of it. */
export interface HashedRange extends Range {
  readonly sha256: Uint8Array;
}

export interface ReadBackOptions {
  /** Called after each piece with the bytes read so far. */
  readonly onProgress?: (doneBytes: number) => void;
  /** Is told at the end in what way the bytes came. */
  readonly debug?: (text: string) => void;
  readonly signal?: AbortSignal;
}

const BUFFER_BYTES = MiB;
/** Pieces under way at once, so that the device has always something to do. More gains nothing. */
const LANES = 4;

/**
 * Reads everything that was written once more, from the medium and not from the page cache. Throws `disk` and names the first range
 * that does not hold what was written. Flush the file first.
 */
export async function checkMedium(
  file: BlockFile,
  ranges: readonly CheckedRange[],
  options: ReadBackOptions = {},
): Promise<void> {
  const written = byOffset(ranges);
  const same = await eachOf({ file, ranges: written, options }, isWritten);
  refuseOthers(file, written, same);
}

/** The same, and returns the ranges with their hashes, ascending. */
export async function readBack(
  file: BlockFile,
  ranges: readonly CheckedRange[],
  options: ReadBackOptions = {},
): Promise<HashedRange[]> {
  const written = byOffset(ranges);
  const found = await eachOf({ file, ranges: written, options }, (range, bytes) => ({
    ...hashed(range, bytes),
    same: isWritten(range, bytes),
  }));
  refuseOthers(
    file,
    written,
    found.map(({ same }) => same),
  );
  return found;
}

/** What the medium holds in each range, which has at most 1 MiB, in the order given. */
export function hashMedium(
  file: BlockFile,
  ranges: readonly Range[],
  options: ReadBackOptions = {},
): Promise<HashedRange[]> {
  return eachOf({ file, ranges, options }, hashed);
}

export function byOffset<R extends Range>(ranges: readonly R[]): R[] {
  return ranges.toSorted((one, other) => one.offsetBytes - other.offsetBytes);
}

function isWritten({ xxh3 }: CheckedRange, bytes: Uint8Array): boolean {
  return Bun.hash.xxHash3(bytes) === xxh3;
}

/** By this thread, which has nothing else to do: those of the runtime wait for the device, and would want a copy first. */
function hashed({ offsetBytes, sizeBytes }: Range, bytes: Uint8Array): HashedRange {
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest();
  return { offsetBytes, sizeBytes, sha256 };
}

function refuseOthers(file: BlockFile, written: readonly Range[], same: readonly boolean[]): void {
  const wrong = written.find((_, index) => same[index] !== true);
  if (wrong === undefined) return;
  throw new TandemError(
    "disk",
    `Cannot verify ${file.name}: the ${wrong.sizeBytes} bytes at ${wrong.offsetBytes} are not what was written there`,
    {
      hint: "The medium loses or changes data: check it, and its cable and power, before use.",
    },
  );
}

interface Job<R extends Range> {
  readonly file: BlockFile;
  readonly ranges: readonly R[];
  readonly options: ReadBackOptions;
}

interface Reading<R extends Range, T> extends Job<R> {
  readonly look: (range: R, bytes: Uint8Array) => T;
  readonly found: T[];
  nextIndex: number;
  doneBytes: number;
  /** Of them, those that came with O_DIRECT. */
  directBytes: number;
}

/** What `look` finds in the bytes of each range. They are there until it returns. */
async function eachOf<R extends Range, T>(
  { file, ranges, options }: Job<R>,
  look: (range: R, bytes: Uint8Array) => T,
): Promise<T[]> {
  // Some file systems take O_DIRECT and use the cache after all. All at once: what is read ahead of one lane another lane wants.
  file.dropCache(0, file.sizeBytes);
  const counts = { nextIndex: 0, doneBytes: 0, directBytes: 0 };
  const reading: Reading<R, T> = { file, ranges, options, look, found: [], ...counts };
  const length = Math.min(LANES, ranges.length);
  const memory = directMemory(length * BUFFER_BYTES);
  const lanes = Array.from({ length }, (_, lane) =>
    readOn(reading, memory.subarray(lane * BUFFER_BYTES, (lane + 1) * BUFFER_BYTES)),
  );
  try {
    await Promise.all(lanes);
  } finally {
    // When one fails the others begin nothing new, and nobody is left reading what the caller closes.
    reading.nextIndex = ranges.length;
    await Promise.allSettled(lanes);
  }
  const { doneBytes, directBytes } = reading;
  options.debug?.(
    `Read ${formatBytes(doneBytes)} of ${file.name}, ${formatBytes(directBytes)} of it with O_DIRECT`,
  );
  return reading.found;
}

/** One lane: takes the next piece as long as there is one. */
async function readOn<R extends Range, T>(
  reading: Reading<R, T>,
  buffer: Uint8Array,
): Promise<void> {
  const { file, ranges, options, look, found } = reading;
  for (;;) {
    const index = reading.nextIndex;
    const range = ranges[index];
    if (range === undefined) return;
    if (options.signal?.aborted === true)
      throw new TandemError("interrupted", `Cannot read back ${file.name}: interrupted`);
    reading.nextIndex += 1;
    assert(range.sizeBytes <= buffer.byteLength, "a range has at most 1 MiB");
    const bytes = buffer.subarray(0, range.sizeBytes);
    if (await isDirect(file, range.offsetBytes, bytes)) reading.directBytes += range.sizeBytes;
    found[index] = look(range, bytes);
    reading.doneBytes += range.sizeBytes;
    options.onProgress?.(reading.doneBytes);
  }
}

/** Fills `target`, and tells whether that went past the page cache. */
async function isDirect(
  file: BlockFile,
  offsetBytes: number,
  target: Uint8Array,
): Promise<boolean> {
  try {
    return (await file.read(offsetBytes, target)) === "direct";
  } catch (cause) {
    if (cause instanceof TandemError) throw cause;
    throw new TandemError(
      "disk",
      `Cannot read back ${file.name} at ${offsetBytes}: ${reasonOf(cause)}`,
      { cause },
    );
  }
}
