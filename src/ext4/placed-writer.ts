import type { BlockFile } from "../system/block-file.ts";
import { BLOCK_BYTES, CHUNK_BLOCKS, CHUNK_BYTES } from "../disk/chunk.ts";
import type { WrittenRange } from "./written-range.ts";
import { rangeOf } from "./written-range.ts";

/** Writes blocks at fixed positions. Neighbours within a chunk are joined to one write with one hash. */
export class PlacedWriter {
  readonly #target: BlockFile;
  readonly #ranges: WrittenRange[] = [];
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #firstBlock = 0;
  #blocks = 0;

  constructor(target: BlockFile) {
    this.#target = target;
  }

  /** Copies `bytes`, at most one block. Fills the rest of the block with zeros. */
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

  /** Writes the buffered blocks and returns all written ranges. */
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
