import { assert } from "../lib/assert.ts";
import type { DataSink, Extent } from "../tar/entry.ts";
import type { Outbox } from "../system/outbox.ts";
import type { Allocator } from "./allocator.ts";
import type { BlockRun } from "./block.ts";
import { BLOCK_BYTES, CHUNK_BLOCKS, CHUNK_BYTES } from "../disk/chunk.ts";
import type { WrittenRange } from "./written-range.ts";
import { rangeOf } from "./written-range.ts";

/**
 * Packs files block by block into chunks. Sends each full chunk in one aligned write and records its hash. A file that
 * is larger than the free part of the current chunk gets this part and then new, consecutive chunks. Each thread has
 * one writer, for any number of layers. Throws "no-space" when the allocator has no chunks left.
 */
export class DataWriter implements DataSink {
  readonly #outbox: Outbox;
  readonly #allocator: Allocator;
  readonly #ranges: WrittenRange[] = [];
  /** Holds the blocks from `#firstBlock` on. It never crosses the end of a chunk. */
  #buffer: Uint8Array;
  #firstBlock = 0;
  #usedBytes = 0;
  #capacityBytes = 0;
  /** Allocated runs that follow after the buffer. */
  readonly #reserved: BlockRun[] = [];
  /** The offset of the next byte in the open file. Within a block it has the same remainder as `#usedBytes`. */
  #offsetBytes = 0;
  /**
   * The offset that seek() has set. The hole is made by the next write, so that a seek to the end of a file takes no
   * block.
   */
  #wantedBytes = 0;
  #sizeBytes = 0;
  #extents: Extent[] = [];

  /** `first`: blocks outside of the allocator, which are filled first. */
  constructor(outbox: Outbox, allocator: Allocator, first?: BlockRun) {
    this.#outbox = outbox;
    this.#buffer = outbox.take();
    assert(this.#buffer.byteLength === CHUNK_BYTES, "a parcel is a chunk");
    this.#allocator = allocator;
    if (first !== undefined && first.blocks > 0) this.#reserved.push(first);
  }

  begin(sizeBytes: number, dataBytes: number): void {
    this.#offsetBytes = 0;
    this.#wantedBytes = 0;
    this.#sizeBytes = sizeBytes;
    this.#extents = [];
    const missing = Math.ceil(dataBytes / BLOCK_BYTES) - this.#blocksReserved();
    if (missing > 0) this.#take(Math.ceil(missing / CHUNK_BLOCKS));
  }

  seek(offsetBytes: number): void {
    assert(offsetBytes >= this.#wantedBytes, "data runs of a file go up");
    this.#wantedBytes = offsetBytes;
  }

  write(bytes: Uint8Array): void {
    assert(this.#wantedBytes + bytes.byteLength <= this.#sizeBytes, "data stays in its file");
    if (bytes.byteLength === 0) return;
    if (this.#wantedBytes > this.#offsetBytes) this.#skip(this.#wantedBytes);
    this.#wantedBytes += bytes.byteLength;
    let at = 0;
    while (at < bytes.byteLength) {
      if (this.#usedBytes === this.#capacityBytes) this.#next();
      const count = Math.min(bytes.byteLength - at, this.#capacityBytes - this.#usedBytes);
      const piece = count === bytes.byteLength ? bytes : bytes.subarray(at, at + count);
      this.#buffer.set(piece, this.#usedBytes);
      this.#advance(count);
      at += count;
    }
  }

  end(): readonly Extent[] {
    this.#padBlock();
    return this.#extents;
  }

  /** Returns the first block of the next file. */
  nextBlock(): number {
    if (this.#usedBytes === this.#capacityBytes) this.#next();
    return this.#firstBlock + this.#usedBytes / BLOCK_BYTES;
  }

  /**
   * Writes the buffered data, waits for all writes, and returns the written ranges in the order of sending. Do not
   * write files afterwards.
   */
  finish(): WrittenRange[] {
    this.#flush();
    this.#outbox.settle();
    return this.#ranges;
  }

  /** Waits for the writes in flight and closes the outbox. Their errors are lost: call finish() first. */
  close(): void {
    this.#outbox.close();
  }

  #blocksReserved(): number {
    const open = (this.#capacityBytes - this.#usedBytes) / BLOCK_BYTES;
    return this.#reserved.reduce((sum, run) => sum + run.blocks, open);
  }

  #take(chunks: number): void {
    for (const run of this.#allocator.take(chunks))
      this.#reserved.push({ block: run.chunk * CHUNK_BLOCKS, blocks: run.chunks * CHUNK_BLOCKS });
  }

  /** Counts bytes that were copied into the buffer, and adds the blocks that they start to the file's extents. */
  #advance(count: number): void {
    const logicalBlock = Math.ceil(this.#offsetBytes / BLOCK_BYTES);
    const physicalBlock = this.#firstBlock + Math.ceil(this.#usedBytes / BLOCK_BYTES);
    this.#offsetBytes += count;
    this.#usedBytes += count;
    const blocks = Math.ceil(this.#offsetBytes / BLOCK_BYTES) - logicalBlock;
    if (blocks > 0) this.#map({ logicalBlock, physicalBlock, blocks });
  }

  #map(next: Extent): void {
    const last = this.#extents.at(-1);
    const follows =
      last !== undefined &&
      last.logicalBlock + last.blocks === next.logicalBlock &&
      last.physicalBlock + last.blocks === next.physicalBlock;
    if (follows)
      this.#extents[this.#extents.length - 1] = { ...last, blocks: last.blocks + next.blocks };
    else this.#extents.push(next);
  }

  /** Makes a hole of whole blocks up to `offsetBytes`. Fills the start of its own block with zeros. */
  #skip(offsetBytes: number): void {
    const blockBytes = offsetBytes - (offsetBytes % BLOCK_BYTES);
    if (blockBytes > this.#offsetBytes) {
      this.#padBlock();
      this.#offsetBytes = blockBytes;
    }
    if (offsetBytes > this.#offsetBytes) this.#zero(offsetBytes - this.#offsetBytes);
  }

  /** Fills the rest of the current block with zeros, because the reused buffer holds old bytes. */
  #padBlock(): void {
    const rest = this.#usedBytes % BLOCK_BYTES;
    if (rest > 0) this.#zero(BLOCK_BYTES - rest);
  }

  /** Writes `count` zero bytes within one block. */
  #zero(count: number): void {
    if (this.#usedBytes === this.#capacityBytes) this.#next();
    this.#buffer.fill(0, this.#usedBytes, this.#usedBytes + count);
    this.#advance(count);
  }

  /** Sends the full buffer and starts the next one. */
  #next(): void {
    this.#flush();
    if (this.#reserved.length === 0) this.#take(1);
    const run = this.#reserved.shift();
    assert(run !== undefined, "a run was allocated");
    const blocks = Math.min(run.blocks, CHUNK_BLOCKS - (run.block % CHUNK_BLOCKS));
    if (run.blocks > blocks)
      this.#reserved.unshift({ block: run.block + blocks, blocks: run.blocks - blocks });
    this.#firstBlock = run.block;
    this.#capacityBytes = blocks * BLOCK_BYTES;
  }

  #flush(): void {
    if (this.#usedBytes > 0) {
      const full = this.#usedBytes === CHUNK_BYTES;
      const bytes = full ? this.#buffer : this.#buffer.subarray(0, this.#usedBytes);
      const offsetBytes = this.#firstBlock * BLOCK_BYTES;
      this.#ranges.push(rangeOf(offsetBytes, bytes));
      this.#outbox.send(offsetBytes, bytes.byteLength);
      this.#buffer = this.#outbox.take();
    }
    this.#usedBytes = 0;
    this.#capacityBytes = 0;
  }
}
