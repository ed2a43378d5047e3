import type { BlockFile } from "../../src/system/block-file.ts";
import type { WriteQueue, Written } from "../../src/system/write-queue.ts";
import { PagedImage } from "./paged-image.ts";

export type Operation =
  | {
      readonly kind: "write";
      readonly offsetBytes: number;
      readonly bytes: Uint8Array;
      /** The write was queued: a flush covers it only after its end. */
      readonly queued?: true;
    }
  /** wait() has returned a queued write. */
  | { readonly kind: "end"; readonly of: Write }
  | { readonly kind: "flush" };
type Write = Extract<Operation, { kind: "write" }>;

/** A disk after a power cut. */
export interface Cut {
  /** "before 12 of 40, pending 3: kept 1.1, torn after 512 of 4096". */
  readonly name: string;
  /** The number of operations that the program had requested. */
  readonly after: number;
  readonly image: PagedImage;
}

export interface CutOptions {
  /** The most subsets of unflushed writes that are tried at each point, besides all and none. */
  readonly subsetsMax?: number;
  /** The most offsets at which the last write is torn, at each point. */
  readonly tearsMax?: number;
}

/** A disk writes a sector completely or not at all. It guarantees nothing for larger writes. */
const SECTOR_BYTES = 512;
const SUBSETS_MAX = 14;
const TEARS_MAX = 8;

/**
 * A disk in memory that records every write and flush, and computes the disks that a power cut at any point can leave.
 */
export class RecordedDisk {
  readonly operations: Operation[] = [];
  readonly #before: PagedImage;
  readonly #now: PagedImage;

  constructor(initial: number | Uint8Array | PagedImage) {
    this.#before = imageOf(initial);
    this.#now = this.#before.fork();
  }

  /** Adds the operations of another program on the same disk. */
  replay(operations: readonly Operation[]): void {
    for (const one of operations) {
      if (one.kind === "write") this.#now.write(one.offsetBytes, one.bytes);
      this.operations.push(one);
    }
  }

  /** The whole disk. */
  get file(): BlockFile {
    const { sizeBytes } = this.#now;
    return {
      name: "recorded disk",
      sizeBytes,
      readInto: (offsetBytes, target) => this.#now.readInto(offsetBytes, target),
      read: (offsetBytes, target) =>
        Promise.try(() => {
          this.#now.readInto(offsetBytes, target);
          return "cached";
        }),
      write: (offsetBytes, bytes) => {
        this.#now.write(offsetBytes, bytes);
        // A copy, because a Buffer's slice() makes none.
        this.operations.push({ kind: "write", offsetBytes, bytes: new Uint8Array(bytes) });
      },
      openQueue: () => this.#openQueue(),
      flush: () => {
        this.operations.push({ kind: "flush" });
        return Promise.resolve();
      },
      dropCache: (offsetBytes, size) => this.#refuseToDropUnflushed(offsetBytes, size),
      close() {},
    };
  }

  /**
   * The device processes the newest write first, one at a time, and not before wait(). So a read, a flush or a reuse of
   * memory that comes too early is noticed.
   */
  #openQueue(): WriteQueue {
    const waiting: {
      readonly index: number;
      readonly memory: Uint8Array;
      readonly write: Write;
    }[] = [];
    const { operations } = this;
    const take = (): Written[] => {
      const next = waiting.pop();
      if (next === undefined) return [];
      const { index, memory, write } = next;
      if (Buffer.compare(memory, write.bytes) !== 0)
        throw new Error(`The memory of a write to ${write.offsetBytes} was changed under way`);
      this.#now.write(write.offsetBytes, write.bytes);
      operations.push({ kind: "end", of: write });
      return [{ index, writtenBytes: memory.byteLength }];
    };
    return {
      get length() {
        return waiting.length;
      },
      write(index, offsetBytes, memory) {
        const bytes = new Uint8Array(memory);
        const write = { kind: "write", offsetBytes, bytes, queued: true } as const;
        waiting.push({ index, memory, write });
        operations.push(write);
      },
      wait: take,
      ended: () => [],
      close() {
        while (waiting.length > 0) take();
      },
    };
  }

  /** The disk as the program sees it. */
  image(): PagedImage {
    return this.#now.fork();
  }

  /**
   * Returns every disk that a cut can leave before each operation and after the last one. The first is the initial
   * disk.
   */
  *cuts(options: CutOptions = {}): Generator<Cut> {
    const medium = new Medium(this.#before.fork());
    for (const [after, next] of [...this.operations, undefined].entries()) {
      // The end of a queued write does not change the medium.
      if (next?.kind !== "end") yield* this.#cutsAt(medium, after, options);
      if (next !== undefined) medium.apply(next);
    }
  }

  *#cutsAt({ flushed, pending }: Medium, after: number, options: CutOptions): Generator<Cut> {
    const point = `before ${after} of ${this.operations.length}, pending ${pending.length}`;
    for (const { name, writes } of outcomes(pending, options)) {
      const image = flushed.fork();
      for (const { offsetBytes, bytes } of writes) image.share(offsetBytes, bytes);
      yield { name: `${point}: ${name}`, after, image };
    }
  }

  /**
   * The kernel does not drop dirty pages, so a program that relies on it would read the cache and not the medium.
   */
  #refuseToDropUnflushed(offsetBytes: number, sizeBytes: number): void {
    const lastFlush = this.operations.findLastIndex(({ kind }) => kind === "flush");
    const dirty = this.operations
      .slice(lastFlush + 1)
      .some(
        (write) =>
          write.kind === "write" &&
          write.offsetBytes < offsetBytes + sizeBytes &&
          offsetBytes < write.offsetBytes + write.bytes.byteLength,
      );
    if (dirty) throw new Error(`Cannot drop cache at ${offsetBytes}+${sizeBytes}: not flushed`);
  }
}

/** What is surely on the medium, and what may be. */
class Medium {
  readonly flushed: PagedImage;
  pending: Write[] = [];
  readonly #underWay = new Set<Write>();

  constructor(before: PagedImage) {
    this.flushed = before;
  }

  apply(operation: Operation): void {
    switch (operation.kind) {
      case "write":
        this.pending.push(operation);
        if (operation.queued === true) this.#underWay.add(operation);
        break;
      case "end":
        this.#underWay.delete(operation.of);
        break;
      case "flush":
        for (const write of this.pending)
          if (!this.#underWay.has(write)) this.flushed.share(write.offsetBytes, write.bytes);
        this.pending = this.pending.filter((write) => this.#underWay.has(write));
        break;
    }
  }
}

interface Outcome {
  readonly name: string;
  readonly writes: readonly Write[];
}

/** Returns the possible states of the unflushed writes. */
function* outcomes(pending: readonly Write[], options: CutOptions): Generator<Outcome> {
  const { subsetsMax = SUBSETS_MAX, tearsMax = TEARS_MAX } = options;
  yield { name: "kept all", writes: pending };
  const last = pending.at(-1);
  if (last === undefined) return;
  yield { name: "kept none", writes: [] };
  if (pending.length > 1) yield { name: "kept all, reordered", writes: pending.toReversed() };
  for (const kept of subsets(pending.length, subsetsMax))
    yield {
      name: `kept ${kept.map((keep) => (keep ? "1" : ".")).join("")}`,
      writes: pending.filter((_, index) => kept[index] === true),
    };
  for (const { name, torn } of tears(last, tearsMax)) {
    yield { name, writes: [...pending.slice(0, -1), torn] };
    if (pending.length > 1) yield { name: `${name}, the others lost`, writes: [torn] };
  }
  // Writes that are in flight at the same time may all be torn.
  if (pending.length > 1) yield { name: "each torn in the middle", writes: pending.map(half) };
}

/**
 * Returns all subsets except the full and the empty one, or a sample. In the sample every write is lost at least once
 * and kept at least once, if the limit allows.
 */
function* subsets(count: number, max: number): Generator<boolean[]> {
  if (2 ** count - 2 <= max) {
    for (let mask = 1; mask < 2 ** count - 1; mask += 1)
      yield Array.from({ length: count }, (_, index) => Math.floor(mask / 2 ** index) % 2 === 1);
    return;
  }
  const random = generator(count);
  for (let made = 0; made < max; made += 1) {
    const special = sample(count, max / 3)[Math.floor(made / 3)] ?? 0;
    yield Array.from({ length: count }, (_, index) => {
      if (made % 3 === 0) return index !== special;
      if (made % 3 === 1) return index === special;
      return random() < 0.5;
    });
  }
}

function* tears(write: Write, max: number): Generator<{ name: string; torn: Write }> {
  const { offsetBytes, bytes } = write;
  const first = SECTOR_BYTES - (offsetBytes % SECTOR_BYTES);
  const places = Math.max(0, Math.ceil((bytes.byteLength - first) / SECTOR_BYTES));
  for (const index of sample(places, Math.ceil(max / 2))) {
    const at = first + index * SECTOR_BYTES;
    const of = `${at} of ${bytes.byteLength}`;
    yield { name: `torn after ${of}`, torn: { ...write, bytes: bytes.subarray(0, at) } };
    const tail = { kind: write.kind, offsetBytes: offsetBytes + at, bytes: bytes.subarray(at) };
    yield { name: `torn before ${of}`, torn: tail };
  }
}

function half(write: Write): Write {
  const sectors = Math.ceil(write.bytes.byteLength / SECTOR_BYTES / 2);
  return { ...write, bytes: write.bytes.subarray(0, sectors * SECTOR_BYTES) };
}

/** Returns at most `max` numbers below `count`, evenly spread, including the first and the last. */
function sample(count: number, max: number): number[] {
  const length = Math.min(count, Math.max(1, Math.floor(max)));
  if (length <= 1) return Array.from({ length }, () => 0);
  return Array.from({ length }, (_, index) => Math.round((index * (count - 1)) / (length - 1)));
}

/** Deterministic random numbers, so that a failing cut can be found again by its name. */
function generator(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

function imageOf(initial: number | Uint8Array | PagedImage): PagedImage {
  if (typeof initial === "number") return PagedImage.zeros(initial);
  return initial instanceof PagedImage ? initial.fork() : PagedImage.of(initial);
}
