import { Fault } from "./fault.ts";
import { readDecimal, readNumber } from "./field.ts";

/** A run of data in a sparse file. */
export interface DataRun {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** GNU tar writes one map entry for each run. More than this would let an attacker use up memory. */
const RUNS_MAX = 65_536;
/** A file of ext4 has at most 2^32 - 1 blocks of 4096 bytes. */
export const FILE_BYTES_MAX = 4096 * (2 ** 32 - 1);

/** https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html, "Old GNU Format" and tar.h of GNU tar. */
const OLD_HEADER = { runsAt: 386, runs: 4, isExtendedAt: 482 };
const OLD_EXTENSION = { runsAt: 0, runs: 21, isExtendedAt: 504 };
const OLD_REAL_SIZE = { name: "real size", at: 483, bytes: 12 };
const OLD_NUMBER_BYTES = 12;

/** The runs of a sparse file, in the order of the archive. They are unverified until `check`. */
export class SparseMap {
  readonly runs: DataRun[] = [];
  sizeBytes = 0;

  add(offsetBytes: number, sizeBytes: number): void {
    if (this.runs.length === RUNS_MAX)
      throw new Fault(`its sparse map has more than ${RUNS_MAX} runs`);
    this.runs.push({ offsetBytes, sizeBytes });
  }

  /**
   * Throws a Fault unless the runs are in order, do not overlap, lie inside the file, and have `dataBytes` bytes in
   * total.
   */
  check(dataBytes: number): void {
    let at = 0;
    let sumBytes = 0;
    for (const { offsetBytes, sizeBytes } of this.runs) {
      if (offsetBytes < at || sizeBytes < 0) throw new Fault("its sparse map is not in order");
      at = offsetBytes + sizeBytes;
      sumBytes += sizeBytes;
    }
    if (at > this.sizeBytes)
      throw new Fault(`its sparse map goes beyond its ${this.sizeBytes} bytes`);
    if (sumBytes !== dataBytes)
      throw new Fault(`its sparse map has ${sumBytes} bytes, its data ${dataBytes}`);
  }
}

/** Reads the map in a header of type S. Returns whether another block of the map follows. */
export function readOldHeader(map: SparseMap, block: Uint8Array, start: number): boolean {
  map.sizeBytes = readNumber(block, start, OLD_REAL_SIZE);
  return readOldRuns(map, block, { start, ...OLD_HEADER });
}

/** Reads a map block after a header of type S. Returns whether another one follows. */
export function readOldExtension(map: SparseMap, block: Uint8Array, start: number): boolean {
  return readOldRuns(map, block, { start, ...OLD_EXTENSION });
}

interface OldRuns {
  readonly start: number;
  readonly runsAt: number;
  readonly runs: number;
  readonly isExtendedAt: number;
}

function readOldRuns(map: SparseMap, block: Uint8Array, place: OldRuns): boolean {
  const { start, runsAt, runs, isExtendedAt } = place;
  for (let index = 0; index < runs; index += 1) {
    const at = runsAt + index * 2 * OLD_NUMBER_BYTES;
    if (block[start + at] === 0) break; // A NUL instead of a digit: the rest of the table is unused.
    const size = { name: "sparse size", at: at + OLD_NUMBER_BYTES, bytes: OLD_NUMBER_BYTES };
    map.add(
      readNumber(block, start, { name: "sparse offset", at, bytes: OLD_NUMBER_BYTES }),
      readNumber(block, start, size),
    );
  }
  return block[start + isExtendedAt] !== 0;
}

/** Reads the map of sparse format 0.1: "offset,size,offset,size". */
export function readList(map: SparseMap, list: string): void {
  const numbers = list.split(",", RUNS_MAX * 2 + 2);
  if (numbers.length % 2 !== 0) throw new Fault("its sparse map ends in the middle of a run");
  for (let index = 0; index < numbers.length; index += 2)
    map.add(runNumber(numbers[index]), runNumber(numbers[index + 1]));
}

/** Reads a decimal number of a sparse map. */
export function runNumber(text = ""): number {
  const value = readDecimal(text, "its sparse map:");
  if (value < 0) throw new Fault("its sparse map has a negative number");
  return value;
}
