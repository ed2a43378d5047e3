import type { WriteQueue } from "./write-queue.ts";

/**
 * A disk, a part of one or a plain file, read and written at byte offsets. The one seam through which tandem changes a disk: tests
 * put a recorder behind it that lists every write and flush.
 */
export interface BlockFile {
  /** What messages call it. */
  readonly name: string;
  readonly sizeBytes: number;
  /** The logical sector of a block device, by which firmware and kernel read its table. undefined: a plain file has none. */
  readonly sectorBytes?: number | undefined;
  /** Fills the whole of `target` or throws. */
  readInto(offsetBytes: number, target: Uint8Array): void;
  /**
   * The same by a thread of the runtime, so that this one can do something else meanwhile. It comes from the medium where the system can
   * do that and place, size and memory are aligned to blocks; use directMemory(). dropCache() first, for where it cannot.
   */
  read(offsetBytes: number, target: Uint8Array): Promise<ReadWay>;
  /** Writes all of `bytes` or throws. Durable only after flush(). */
  write(offsetBytes: number, bytes: Uint8Array): void;
  /** Writes that go past the page cache while this thread goes on, at most `lengthMax` at a time; undefined where the system has no such thing. */
  openQueue?(lengthMax: number): WriteQueue | undefined;
  /** A plain file: from now on it has that size, all zeros that take no room. undefined: what is a device, or a part of something. */
  empty?(sizeBytes: number): void;
  /** fdatasync(2): what was written before is on the medium afterwards. */
  flush(): Promise<void>;
  /** Makes the next reads of the range come from the medium and not from the page cache. Call flush() first. */
  dropCache(offsetBytes: number, sizeBytes: number): void;
  close(): void;
}

/** Past the page cache with O_DIRECT, or at least some of it through the cache. */
export type ReadWay = "direct" | "cached";

export interface Access {
  readonly write: boolean;
  /** Nobody else may use it until it is closed. A device is refused that is mounted in whatever mount namespace, or held by others. */
  readonly hold?: boolean;
}

export function readBlock(file: BlockFile, offsetBytes: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  file.readInto(offsetBytes, bytes);
  return bytes;
}

export interface Range {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A part of `file` as a BlockFile of its own. Closing it closes nothing: the owner of `file` does that. */
export function part(file: BlockFile, { name, offsetBytes, sizeBytes }: Range): BlockFile {
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
    close: () => queue.close(),
  };
}
