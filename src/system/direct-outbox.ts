import { defined } from "../lib/assert.ts";
import type { BlockFile } from "./block-file.ts";
import { directMemory } from "./direct-memory.ts";
import { type Outbox, PARCEL_BYTES, plainOutbox } from "./outbox.ts";
import { SyscallError } from "./syscall.ts";
import type { WriteQueue } from "./write-queue.ts";

/** Enough that filling one seldom waits for the medium; more is only memory. */
const PARCELS = 3;

/**
 * Writes to `file` past the page cache and while others are filled. Where the system does not do that, and for what fails, it is
 * file.write().
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
  /** The one that take() gave. */
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
    if (this.#free.length === 0) this.#reap();
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
    while (this.#queue.length > 0) this.#reap();
  }

  close(): void {
    this.#queue.close();
  }

  /** Waits for at least one that is under way. */
  #reap(): void {
    for (const { index, writtenBytes } of this.#queue.wait()) {
      this.#free.push(index);
      const parcel = this.#parcel(index);
      if (writtenBytes !== parcel.sizeBytes) this.#writeAgain(parcel);
    }
  }

  /** It works where only O_DIRECT is the matter, or it tells what is wrong. */
  #writeAgain({ memory, offsetBytes, sizeBytes }: Parcel): void {
    this.#file.write(offsetBytes, memory.subarray(0, sizeBytes));
  }

  #parcel(index: number): Parcel {
    return defined(this.#parcels[index], "parcel");
  }
}
