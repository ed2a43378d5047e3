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
  /** The number that write() was given. */
  readonly index: number;
  /** Negative: an errno. */
  readonly writtenBytes: number;
}

/** Writes to a BlockFile that the system does meanwhile. They may end in any order, and a flush covers only those that wait() has told of. */
export interface WriteQueue {
  /** How many are under way. */
  readonly length: number;
  /** Begins to write `bytes`, which must stay as they are until wait() has told `index`. Throws a SyscallError when it does not begin. */
  write(index: number, offsetBytes: number, bytes: Uint8Array): void;
  /** Waits for one at least, and tells all that have ended. */
  wait(): Iterable<Written>;
  /** Waits for all, whose errors are lost. */
  close(): void;
}

/** Writes that the kernel does meanwhile (io_submit(2)), without threads: with O_DIRECT, or each is waited for. */
export class LinuxWriteQueue implements WriteQueue {
  readonly #fd: number;
  readonly #queue: number;
  readonly #request = new DataView(new ArrayBuffer(REQUEST.bytes));
  readonly #requests: BigUint64Array;
  readonly #events: DataView;
  length = 0;

  /** For at most `lengthMax` at a time; close() closes `fd`. Throws a SyscallError where the kernel has no queue to give. */
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

  *wait(): Generator<Written> {
    const count = waitFor(this.#queue, this.#events, this.#events.byteLength / EVENT.bytes);
    this.length -= count;
    for (let at = 0; at < count * EVENT.bytes; at += EVENT.bytes)
      yield {
        index: Number(this.#events.getBigUint64(at + EVENT.data, true)),
        writtenBytes: Number(this.#events.getBigInt64(at + EVENT.result, true)),
      };
  }

  /** The kernel waits until no processor looks at the queue any more (RCU): tens of milliseconds. */
  close(): void {
    destroyQueue(this.#queue);
    closeSync(this.#fd);
  }
}
