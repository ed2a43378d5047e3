import { assert } from "../lib/assert.ts";
import type { DataSink, Extent } from "../tar/entry.ts";
import type { Outbox } from "../system/outbox.ts";
import type { Allocator } from "./allocator.ts";
import type { BlockRun } from "./block.ts";
import { BLOCK_BYTES, CHUNK_BLOCKS, CHUNK_BYTES } from "../disk/chunk.ts";
import type { WrittenRange } from "./written-range.ts";
import { rangeOf } from "./written-range.ts";

/**
 * Packs files block after block into chunks and sends each chunk when it is full, in one aligned write, with its hash. A file that is
 * larger than the room left gets that room and then chunks of its own, side by side. One per thread; it goes on through any number
 * of layers. Throws a TandemError "no-space" when the allocator is empty.
 */
export class DataWriter implements DataSink {
  readonly #outbox: Outbox;
  readonly #allocator: Allocator;
  readonly #ranges: WrittenRange[] = [];
  /** Holds the blocks from `#firstBlock` on; always ends at a chunk's end or before. */
  #buffer: Uint8Array;
  #firstBlock = 0;
  #usedBytes = 0;
  #roomBytes = 0;
  /** Runs that are taken and come after the buffer. */
  readonly #ahead: BlockRun[] = [];
  /** The open file: where its next byte belongs, and what it got. Inside a block `#offsetBytes` and `#usedBytes` go in step. */
  #offsetBytes = 0;
  /** Where seek() wants the next byte. Only a write makes the hole: a seek to the end of a file costs no block. */
  #wantedBytes = 0;
  #sizeBytes = 0;
  #extents: Extent[] = [];

  /** `room`: blocks outside of the allocator to fill first. */
  constructor(outbox: Outbox, allocator: Allocator, room?: BlockRun) {
    this.#outbox = outbox;
    this.#buffer = outbox.take();
    assert(this.#buffer.byteLength === CHUNK_BYTES, "a parcel is a chunk");
    this.#allocator = allocator;
    if (room !== undefined && room.blocks > 0) this.#ahead.push(room);
  }

  begin(sizeBytes: number, dataBytes: number): void {
    this.#offsetBytes = 0;
    this.#wantedBytes = 0;
    this.#sizeBytes = sizeBytes;
    this.#extents = [];
    const missing = Math.ceil(dataBytes / BLOCK_BYTES) - this.#blocksInHand();
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
      if (this.#usedBytes === this.#roomBytes) this.#next();
      const count = Math.min(bytes.byteLength - at, this.#roomBytes - this.#usedBytes);
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

  /** The block that the next file begins with. */
  nextBlock(): number {
    if (this.#usedBytes === this.#roomBytes) this.#next();
    return this.#firstBlock + this.#usedBytes / BLOCK_BYTES;
  }

  /** Writes what is still buffered, waits until all is, and tells what was written, in the order of sending. The writer takes no more files. */
  finish(): WrittenRange[] {
    this.#flush();
    this.#outbox.settle();
    return this.#ranges;
  }

  /** Closes what it sent to, and waits for the writes in flight. Their errors are lost without finish(). */
  close(): void {
    this.#outbox.close();
  }

  #blocksInHand(): number {
    const open = (this.#roomBytes - this.#usedBytes) / BLOCK_BYTES;
    return this.#ahead.reduce((sum, run) => sum + run.blocks, open);
  }

  #take(chunks: number): void {
    for (const run of this.#allocator.take(chunks))
      this.#ahead.push({ block: run.chunk * CHUNK_BLOCKS, blocks: run.chunks * CHUNK_BLOCKS });
  }

  /** Counts bytes that were put into the buffer as the file's next ones, and maps the blocks that they begin. */
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

  /** Leaves out the blocks up to `offsetBytes`; zeroes what lies before it in its own block. */
  #skip(offsetBytes: number): void {
    const blockBytes = offsetBytes - (offsetBytes % BLOCK_BYTES);
    if (blockBytes > this.#offsetBytes) {
      this.#padBlock();
      this.#offsetBytes = blockBytes;
    }
    if (offsetBytes > this.#offsetBytes) this.#zero(offsetBytes - this.#offsetBytes);
  }

  /** Zeroes to the end of the open block. The buffer is used again and again: what lies there belongs to another file. */
  #padBlock(): void {
    const rest = this.#usedBytes % BLOCK_BYTES;
    if (rest > 0) this.#zero(BLOCK_BYTES - rest);
  }

  /** `count` zero bytes within one block. */
  #zero(count: number): void {
    if (this.#usedBytes === this.#roomBytes) this.#next();
    this.#buffer.fill(0, this.#usedBytes, this.#usedBytes + count);
    this.#advance(count);
  }

  /** Sends the full buffer and opens the next room for it. */
  #next(): void {
    this.#flush();
    if (this.#ahead.length === 0) this.#take(1);
    const run = this.#ahead.shift();
    assert(run !== undefined, "a room was taken");
    const blocks = Math.min(run.blocks, CHUNK_BLOCKS - (run.block % CHUNK_BLOCKS));
    if (run.blocks > blocks)
      this.#ahead.unshift({ block: run.block + blocks, blocks: run.blocks - blocks });
    this.#firstBlock = run.block;
    this.#roomBytes = blocks * BLOCK_BYTES;
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
    this.#roomBytes = 0;
  }
}
