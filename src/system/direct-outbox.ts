import { defined } from "../lib/assert.ts";
import type { BlockFile } from "./block-file.ts";
import { SyscallError } from "./call.ts";
import { directMemory } from "./direct-memory.ts";
import { type Outbox, PARCEL_BYTES, plainOutbox } from "./outbox.ts";
import type { WriteQueue, Written } from "./write-queue.ts";

/**
 * A quiet medium needs three. Behind a program with 64 writes in flight one thread with eight took half the time. The
 * medium must lag before the memory of all eight is touched: the parcel that ended last is filled next.
 */
const PARCELS = 8;

/**
 * Writes parcels to `file` with O_DIRECT while the caller fills the next one. It falls back to file.write() where the
 * system has no such queue, and for each parcel whose write fails.
 */
export function directOutbox(file: BlockFile): Outbox {
  const queue = file.openQueue?.(PARCELS);
  return queue === undefined ? plainOutbox(file) : new DirectOutbox(file, queue);
}

interface Parcel {
  readonly memory: Uint8Array;
  offsetBytes: number;
  sizeBytes: number;
}

class DirectOutbox implements Outbox {
  readonly #file: BlockFile;
  readonly #queue: WriteQueue;
  readonly #parcels: readonly Parcel[];
  readonly #free: number[];
  /** The index of the parcel that take() returned last. */
  #filling = 0;

  constructor(file: BlockFile, queue: WriteQueue) {
    this.#file = file;
    this.#queue = queue;
    const memory = directMemory(PARCELS * PARCEL_BYTES);
    this.#parcels = Array.from({ length: PARCELS }, (_, index) => ({
      memory: memory.subarray(index * PARCEL_BYTES, (index + 1) * PARCEL_BYTES),
      offsetBytes: 0,
      sizeBytes: 0,
    }));
    this.#free = [...this.#parcels.keys()];
  }

  take(): Uint8Array {
    this.#collect(this.#queue.ended());
    if (this.#free.length === 0) this.#collect(this.#queue.wait());
    this.#filling = defined(this.#free.pop(), "free parcel");
    return this.#parcel(this.#filling).memory;
  }

  send(offsetBytes: number, sizeBytes: number): void {
    const index = this.#filling;
    const parcel = Object.assign(this.#parcel(index), { offsetBytes, sizeBytes });
    try {
      const bytes = parcel.memory.subarray(0, sizeBytes);
      this.#queue.write(index, offsetBytes, bytes);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      this.#free.push(index);
      this.#writeAgain(parcel);
    }
  }

  settle(): void {
    while (this.#queue.length > 0) this.#collect(this.#queue.wait());
  }

  close(): void {
    this.#queue.close();
  }

  /** Frees the parcels of writes that have ended. */
  #collect(ended: Iterable<Written>): void {
    for (const { index, writtenBytes } of ended) {
      this.#free.push(index);
      const parcel = this.#parcel(index);
      if (writtenBytes !== parcel.sizeBytes) this.#writeAgain(parcel);
    }
  }

  /** Writes through the page cache: this succeeds where only O_DIRECT failed, or it throws the real error. */
  #writeAgain({ memory, offsetBytes, sizeBytes }: Parcel): void {
    this.#file.write(offsetBytes, memory.subarray(0, sizeBytes));
  }

  #parcel(index: number): Parcel {
    return defined(this.#parcels[index], "parcel");
  }
}
