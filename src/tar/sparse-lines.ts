import { Fault } from "./fault.ts";
import { TAR_BLOCK_BYTES } from "./header.ts";
import { runNumber, type SparseMap } from "./sparse.ts";

const NEWLINE = 0x0a;
const DIGITS_MAX = 16;

/**
 * Reads the map of sparse format 1.0. It precedes the data. Each line is a decimal number: the count of runs, then
 * offset and size of each run.
 */
export class SparseLines {
  readonly #map: SparseMap;
  #line = "";
  #count: number | undefined;
  #offsetBytes: number | undefined;

  constructor(map: SparseMap) {
    this.#map = map;
  }

  /** Reads the next block of the map. Returns whether the map is complete; the rest of the block is padding then. */
  readBlock(block: Uint8Array, start: number): boolean {
    for (let at = start; at < start + TAR_BLOCK_BYTES; at += 1) {
      const byte = block[at] ?? 0;
      if (byte === NEWLINE) {
        this.#take(runNumber(this.#line));
        this.#line = "";
        if (this.#count === this.#map.runs.length && this.#offsetBytes === undefined) return true;
      } else this.#line += String.fromCharCode(byte);
      if (this.#line.length > DIGITS_MAX)
        throw new Fault("its sparse map has a line that is no number");
    }
    return false;
  }

  #take(value: number): void {
    if (this.#count === undefined) this.#count = value;
    else if (this.#offsetBytes === undefined) this.#offsetBytes = value;
    else {
      this.#map.add(this.#offsetBytes, value);
      this.#offsetBytes = undefined;
    }
  }
}
