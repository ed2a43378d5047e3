import { closeSync, constants, openSync } from "node:fs";
import { defined } from "../lib/assert.ts";
import { reasonOf } from "../lib/error.ts";
import type { BlockFile } from "./block-file.ts";
import { directMemory } from "./direct-memory.ts";
import { hintRefused } from "./hint.ts";
import { type Outbox, PARCEL_BYTES, plainOutbox } from "./outbox.ts";
import { SyscallError } from "./syscall.ts";
import { WriteQueue } from "./write-queue.ts";

/** Enough that filling one seldom waits for the medium; more is only memory. */
const PARCELS = 3;

interface Place {
  readonly path: string;
  /** Where `file` begins. */
  readonly offsetBytes: number;
}

/**
 * Writes to `file`, which is all or a part of what is at `path`, with O_DIRECT and while others are filled: there is no copy in the page
 * cache to make and to write back. Where the system does not do that, and for what fails, it is file.write().
 */
export function directOutbox(file: BlockFile, place: Place): Outbox {
  const opened = open(place.path);
  return opened === undefined ? plainOutbox(file) : new DirectOutbox(file, place, opened);
}

interface Opened {
  readonly fd: number;
  readonly queue: WriteQueue;
}

function open(path: string): Opened | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_WRONLY + constants.O_DIRECT);
    return { fd, queue: new WriteQueue(fd, PARCELS) };
  } catch (error) {
    hintRefused(`Writing to ${path} goes through the page cache: ${reasonOf(error)}`);
    if (fd !== undefined) closeSync(fd);
    return undefined;
  }
}

interface Parcel {
  readonly memory: Uint8Array;
  offsetBytes: number;
  sizeBytes: number;
}

class DirectOutbox implements Outbox {
  readonly #file: BlockFile;
  readonly #place: Place;
  readonly #opened: Opened;
  readonly #parcels: readonly Parcel[];
  readonly #free: number[];
  /** The one that take() gave. */
  #filling = 0;

  constructor(file: BlockFile, place: Place, opened: Opened) {
    this.#file = file;
    this.#place = place;
    this.#opened = opened;
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
      this.#opened.queue.write(index, this.#place.offsetBytes + offsetBytes, bytes);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      this.#free.push(index);
      this.#writeAgain(parcel);
    }
  }

  settle(): void {
    while (this.#opened.queue.length > 0) this.#reap();
  }

  close(): void {
    this.#opened.queue.close();
    closeSync(this.#opened.fd);
  }

  /** Waits for at least one that is under way. */
  #reap(): void {
    for (const { index, writtenBytes } of this.#opened.queue.wait()) {
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
