import { ptr } from "bun:ffi";
import { closeSync } from "node:fs";
import { destroyQueue, submitTo, makeQueue, waitFor } from "./syscall.ts";

/** struct iocb and struct io_event of linux/aio_abi.h. */
const REQUEST = {
  bytes: 64,
  data: 0,
  opcode: 16,
  fd: 20,
  address: 24,
  size: 32,
  offset: 40,
} as const;
const EVENT = { bytes: 32, data: 0, result: 16 } as const;
const IOCB_CMD_PWRITE = 1;

export interface Written {
  /** The index that was passed to write(). */
  readonly index: number;
  /** A negative value is an errno. */
  readonly writtenBytes: number;
}

/**
 * Asynchronous writes to a BlockFile. They may end in any order. A flush covers only the writes that wait() or
 * ended() has returned.
 */
export interface WriteQueue {
  /** The number of writes in flight. */
  readonly length: number;
  /**
   * Starts to write `bytes`, which must not change until `index` was returned. Throws a SyscallError when the
   * write cannot start.
   */
  write(index: number, offsetBytes: number, bytes: Uint8Array): void;
  /** Waits for at least one write, and returns all that have ended. */
  wait(): Iterable<Written>;
  /** Returns the writes that have ended by now, without waiting. */
  ended(): Iterable<Written>;
  /** Waits for all writes. Their errors are lost. */
  close(): void;
}

/**
 * Asynchronous writes with io_submit(2), without threads. The descriptor needs O_DIRECT: without it io_submit(2) blocks
 * until each write has ended.
 */
export class LinuxWriteQueue implements WriteQueue {
  readonly #fd: number;
  readonly #queue: number;
  readonly #request = new DataView(new ArrayBuffer(REQUEST.bytes));
  readonly #requests: BigUint64Array;
  readonly #events: DataView;
  length = 0;

  /** Holds at most `lengthMax` writes. close() closes `fd`. Throws a SyscallError when the kernel grants no queue. */
  constructor(fd: number, lengthMax: number) {
    this.#fd = fd;
    this.#queue = makeQueue(lengthMax);
    this.#requests = BigUint64Array.of(BigInt(ptr(this.#request)));
    this.#events = new DataView(new ArrayBuffer(lengthMax * EVENT.bytes));
  }

  write(index: number, offsetBytes: number, bytes: Uint8Array): void {
    const request = this.#request;
    request.setBigUint64(REQUEST.data, BigInt(index), true);
    request.setUint16(REQUEST.opcode, IOCB_CMD_PWRITE, true);
    request.setUint32(REQUEST.fd, this.#fd, true);
    request.setBigUint64(REQUEST.address, BigInt(ptr(bytes)), true);
    request.setBigUint64(REQUEST.size, BigInt(bytes.byteLength), true);
    request.setBigInt64(REQUEST.offset, BigInt(offsetBytes), true);
    submitTo(this.#queue, this.#requests);
    this.length += 1;
  }

  wait(): Generator<Written> {
    return this.#collect(1);
  }

  ended(): Generator<Written> {
    return this.#collect(0);
  }

  *#collect(min: 0 | 1): Generator<Written> {
    const max = this.#events.byteLength / EVENT.bytes;
    const count = waitFor(this.#queue, this.#events, { min, max });
    this.length -= count;
    for (let at = 0; at < count * EVENT.bytes; at += EVENT.bytes)
      yield {
        index: Number(this.#events.getBigUint64(at + EVENT.data, true)),
        writtenBytes: Number(this.#events.getBigInt64(at + EVENT.result, true)),
      };
  }

  /** The kernel waits for an RCU grace period, which takes tens of milliseconds. */
  close(): void {
    destroyQueue(this.#queue);
    closeSync(this.#fd);
  }
}
