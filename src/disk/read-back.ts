import { CHUNK_BYTES } from "./chunk.ts";
import { assert } from "../lib/assert.ts";
import { TandemError, reasonOf } from "../lib/error.ts";
import { formatBytes } from "../lib/units.ts";
import type { BlockFile } from "../system/block-file.ts";
import { directMemory } from "../system/direct-memory.ts";

/** A range of bytes in a file or device. */
export interface Range {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A range that was written, at most 1 MiB, and the XXH3-64 of the bytes that were written. */
export interface CheckedRange extends Range {
  readonly xxh3: bigint;
}

/** A range and the SHA-256 of its content on the medium. */
export interface HashedRange extends Range {
  readonly sha256: Uint8Array;
}

export interface ReadBackOptions {
  /** Called after each range with the number of bytes read so far. */
  readonly onProgress?: (doneBytes: number) => void;
  /** Called at the end with the number of bytes that bypassed the page cache. */
  readonly debug?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** The number of concurrent reads, enough to keep the device busy. More of them are not faster. */
const LANES = 4;

/**
 * Reads all ranges from the medium, not from the page cache, and compares them with what was written. Throws "disk"
 * with the first range that differs, and "interrupted" when the signal fires. Flush the file first.
 */
export async function checkMedium(
  file: BlockFile,
  ranges: readonly CheckedRange[],
  options: ReadBackOptions = {},
): Promise<void> {
  const written = byOffset(ranges);
  const same = await readEach({ file, ranges: written, options }, isWritten);
  refuseOthers(file, written, same);
}

/** Like checkMedium(), and returns the ranges with their SHA-256 in ascending order. */
export async function readBack(
  file: BlockFile,
  ranges: readonly CheckedRange[],
  options: ReadBackOptions = {},
): Promise<HashedRange[]> {
  const written = byOffset(ranges);
  const found = await readEach({ file, ranges: written, options }, (range, bytes) => ({
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

/** Hashes the content of the medium. A range has at most 1 MiB. The result has the order of `ranges`. */
export function hashMedium(
  file: BlockFile,
  ranges: readonly Range[],
  options: ReadBackOptions = {},
): Promise<HashedRange[]> {
  return readEach({ file, ranges, options }, hashed);
}

export function byOffset<R extends Range>(ranges: readonly R[]): R[] {
  return ranges.toSorted((one, other) => one.offsetBytes - other.offsetBytes);
}

function isWritten({ xxh3 }: CheckedRange, bytes: Uint8Array): boolean {
  return Bun.hash.xxHash3(bytes) === xxh3;
}

/** Hashes in this thread, which is idle otherwise. The runtime's threads wait for the device, and would need a copy. */
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
  /** The part of `doneBytes` that was read with O_DIRECT. */
  directBytes: number;
}

/** Reads each range and returns the results of `look`. The bytes are valid only until `look` returns. */
async function readEach<R extends Range, T>(
  { file, ranges, options }: Job<R>,
  look: (range: R, bytes: Uint8Array) => T,
): Promise<T[]> {
  // Some file systems accept O_DIRECT and use the cache all the same. Drop all of it now and not before each range: the
  // kernel's read-ahead for one lane fills the cache for another lane.
  file.dropCache(0, file.sizeBytes);
  const counts = { nextIndex: 0, doneBytes: 0, directBytes: 0 };
  const reading: Reading<R, T> = { file, ranges, options, look, found: [], ...counts };
  const length = Math.min(LANES, ranges.length);
  const memory = directMemory(length * CHUNK_BYTES);
  const lanes = Array.from({ length }, (_, lane) =>
    readOn(reading, memory.subarray(lane * CHUNK_BYTES, (lane + 1) * CHUNK_BYTES)),
  );
  try {
    await Promise.all(lanes);
  } finally {
    // After a failure the other lanes start no new read. Wait for them, because the caller closes the file.
    reading.nextIndex = ranges.length;
    await Promise.allSettled(lanes);
  }
  const { doneBytes, directBytes } = reading;
  options.debug?.(
    `Read ${formatBytes(doneBytes)} of ${file.name}, ${formatBytes(directBytes)} of it with O_DIRECT`,
  );
  return reading.found;
}

/** One lane: reads the next range until none is left. */
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
    if (await readDirect(file, range.offsetBytes, bytes)) reading.directBytes += range.sizeBytes;
    found[index] = look(range, bytes);
    reading.doneBytes += range.sizeBytes;
    options.onProgress?.(reading.doneBytes);
  }
}

/** Fills `target`. Returns whether the read bypassed the page cache. */
async function readDirect(
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
