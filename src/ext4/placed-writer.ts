import type { BlockFile } from "../system/block-file.ts";
import { BLOCK_BYTES, CHUNK_BLOCKS, CHUNK_BYTES } from "../disk/chunk.ts";
import type { WrittenRange } from "./written-range.ts";
import { rangeOf } from "./written-range.ts";

/** Writes blocks whose place is fixed. Neighbours go out in one write with one hash, up to the end of their chunk. */
export class PlacedWriter {
  readonly #target: BlockFile;
  readonly #ranges: WrittenRange[] = [];
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #firstBlock = 0;
  #blocks = 0;

  constructor(target: BlockFile) {
    this.#target = target;
  }

  /** Takes a copy of `bytes`, one block at most; the rest of the block is zero. */
  put(block: number, bytes: Uint8Array): void {
    const follows = block === this.#firstBlock + this.#blocks && block % CHUNK_BLOCKS !== 0;
    if (!follows) {
      this.#flush();
      this.#firstBlock = block;
    }
    const at = this.#blocks * BLOCK_BYTES;
    this.#buffer.set(bytes, at);
    this.#buffer.fill(0, at + bytes.byteLength, at + BLOCK_BYTES);
    this.#blocks += 1;
  }

  /** Writes what is still buffered and tells all that was written. */
  finish(): WrittenRange[] {
    this.#flush();
    return this.#ranges;
  }

  #flush(): void {
    if (this.#blocks === 0) return;
    const bytes = this.#buffer.subarray(0, this.#blocks * BLOCK_BYTES);
    const offsetBytes = this.#firstBlock * BLOCK_BYTES;
    this.#ranges.push(rangeOf(offsetBytes, bytes));
    this.#target.write(offsetBytes, bytes);
    this.#blocks = 0;
  }
}
