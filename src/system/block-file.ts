import type { WriteQueue } from "./write-queue.ts";

/**
 * A disk, a part of a disk, or a plain file, read and written at byte offsets. tandem changes disks only through this
 * interface. Tests implement it with a recorder that lists every write and flush.
 */
export interface BlockFile {
  /** The name for messages. */
  readonly name: string;
  readonly sizeBytes: number;
  /** The logical sector size of a block device, in which its partition table counts. Undefined for a plain file. */
  readonly sectorBytes?: number | undefined;
  /** Fills all of `target` or throws. */
  readInto(offsetBytes: number, target: Uint8Array): void;
  /**
   * Fills all of `target` or throws, in another thread of the runtime. The bytes come from the medium (O_DIRECT) when
   * the file system can do that and when offset, size and memory are aligned to blocks: see directMemory(). Otherwise
   * they come through the page cache, so call dropCache() first.
   */
  read(offsetBytes: number, target: Uint8Array): Promise<ReadWay>;
  /** Writes all of `bytes` or throws. They are durable only after flush(). */
  write(offsetBytes: number, bytes: Uint8Array): void;
  /**
   * Opens a queue for at most `lengthMax` writes that bypass the page cache and do not block this thread. Undefined
   * where the system has no such queue.
   */
  openQueue?(lengthMax: number): WriteQueue | undefined;
  /** Gives a plain file this size and makes all of it a hole. Undefined for a device and for a part of a file. */
  empty?(sizeBytes: number): void;
  /** Cuts a plain file off behind `sizeBytes`. Undefined for a device and for a part of a file. */
  cut?(sizeBytes: number): void;
  /** fdatasync(2): makes all earlier writes durable. */
  flush(): Promise<void>;
  /** Drops the range from the page cache, so that the next read of it comes from the medium. Call flush() first. */
  dropCache(offsetBytes: number, sizeBytes: number): void;
  close(): void;
}

/** "direct": all bytes came from the medium with O_DIRECT. "cached": at least some came through the page cache. */
export type ReadWay = "direct" | "cached";

export interface Access {
  readonly write: boolean;
  /**
   * Claims exclusive use until close(). Fails for a device that is mounted in any mount namespace or that another
   * program has claimed.
   */
  readonly hold?: boolean;
}

export function readBlock(file: BlockFile, offsetBytes: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  file.readInto(offsetBytes, bytes);
  return bytes;
}

export interface NamedRange {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Returns a part of `file` as a BlockFile. Its close() does nothing: the owner of `file` closes `file`. */
export function part(file: BlockFile, { name, offsetBytes, sizeBytes }: NamedRange): BlockFile {
  const check = (at: number, length: number): void => {
    if (at < 0 || length < 0 || at + length > sizeBytes)
      throw new RangeError(`Cannot access ${name} at ${at}+${length}: it has ${sizeBytes} bytes`);
  };
  return {
    name,
    sizeBytes,
    readInto(at, target) {
      check(at, target.byteLength);
      file.readInto(offsetBytes + at, target);
    },
    async read(at, target) {
      check(at, target.byteLength);
      return file.read(offsetBytes + at, target);
    },
    write(at, bytes) {
      check(at, bytes.byteLength);
      file.write(offsetBytes + at, bytes);
    },
    openQueue(lengthMax) {
      const queue = file.openQueue?.(lengthMax);
      return queue && partOfQueue(queue, offsetBytes, check);
    },
    flush: () => file.flush(),
    dropCache(at, length) {
      check(at, length);
      file.dropCache(offsetBytes + at, length);
    },
    close() {},
  };
}

function partOfQueue(
  queue: WriteQueue,
  offsetBytes: number,
  check: (at: number, length: number) => void,
): WriteQueue {
  return {
    get length() {
      return queue.length;
    },
    write(index, at, bytes) {
      check(at, bytes.byteLength);
      queue.write(index, offsetBytes + at, bytes);
    },
    wait: () => queue.wait(),
    ended: () => queue.ended(),
    close: () => queue.close(),
  };
}
