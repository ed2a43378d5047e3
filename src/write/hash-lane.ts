import { defined } from "../lib/assert.ts";
import { BUFFER_BYTES, type OutputHash } from "../layer/output-hash.ts";

/** With four buffers neither thread waits for the other at each buffer. */
const BUFFERS = 4;
const DIGEST_BYTES = 32;
/** The index of each number of a lane. From `lengths` on there is one length for each buffer. */
const AT = { published: 0, hashed: 1, isStopped: 2, lengths: 3 } as const;
const NUMBERS_BYTES = 4 * (AT.lengths + BUFFERS);
/** A length that asks the hasher for the digest and for a new hash. The buffer is empty. */
const DIGEST = -1;
/** A waiting thread checks at this interval whether the lane was stopped. */
const STOP_CHECK_MS = 200;

/** Shared memory for one stream of bytes from the thread that produces them to the thread that hashes them. */
export interface LaneMemory {
  /** The counters, the lengths, the digest, then the buffers. */
  readonly lane: SharedArrayBuffer;
  /** A counter that increases with each change in any lane of the same hasher. The hasher waits for it. */
  readonly wakeups: SharedArrayBuffer;
}

export function laneMemory(wakeups: SharedArrayBuffer): LaneMemory {
  const laneBytes = NUMBERS_BYTES + DIGEST_BYTES + BUFFERS * BUFFER_BYTES;
  return { wakeups, lane: new SharedArrayBuffer(laneBytes) };
}

export function wakeupMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

interface Views {
  readonly numbers: Int32Array;
  readonly digest: Uint8Array;
  readonly buffers: readonly Uint8Array[];
  readonly wakeups: Int32Array;
}

function viewsOf({ lane, wakeups }: LaneMemory): Views {
  const buffersAt = NUMBERS_BYTES + DIGEST_BYTES;
  return {
    numbers: new Int32Array(lane, 0, AT.lengths + BUFFERS),
    digest: new Uint8Array(lane, NUMBERS_BYTES, DIGEST_BYTES),
    buffers: Array.from(
      { length: BUFFERS },
      (_, index) => new Uint8Array(lane, buffersAt + index * BUFFER_BYTES, BUFFER_BYTES),
    ),
    wakeups: new Int32Array(wakeups),
  };
}

/** Stops both threads of a lane, even when they wait for each other. */
export function stopLane(memory: LaneMemory): void {
  const { numbers, wakeups } = viewsOf(memory);
  Atomics.store(numbers, AT.isStopped, 1);
  Atomics.notify(numbers, AT.hashed);
  wake(wakeups);
}

function wake(wakeups: Int32Array): void {
  Atomics.add(wakeups, 0, 1);
  Atomics.notify(wakeups, 0);
}

/**
 * Lets another thread hash the output of this thread. The steps of unpacking a layer depend on each other; only the
 * hash can run in parallel. Waits while all buffers are full. Throws a plain Error when the lane was stopped.
 */
export function hashInLane(memory: LaneMemory): OutputHash {
  const { numbers, digest, buffers, wakeups } = viewsOf(memory);
  const waitUntilPending = (buffersMax: number): void => {
    for (;;) {
      if (Atomics.load(numbers, AT.isStopped) !== 0) throw new Error("the hasher was stopped");
      const hashed = Atomics.load(numbers, AT.hashed);
      // Both counters overflow at 32 bits; their difference stays correct.
      if (((numbers[AT.published] ?? 0) - hashed) >>> 0 <= buffersMax) return;
      Atomics.wait(numbers, AT.hashed, hashed, STOP_CHECK_MS);
    }
  };
  const indexOfNext = (): number => ((numbers[AT.published] ?? 0) >>> 0) % BUFFERS;
  const buffer = (): Uint8Array => {
    waitUntilPending(BUFFERS - 1);
    return defined(buffers[indexOfNext()], "buffer");
  };
  const publish = (length: number): void => {
    numbers[AT.lengths + indexOfNext()] = length;
    Atomics.add(numbers, AT.published, 1);
    wake(wakeups);
  };
  return {
    buffer,
    update(bytes) {
      if (bytes.buffer === memory.lane) return publish(bytes.byteLength);
      for (let at = 0; at < bytes.byteLength; at += BUFFER_BYTES) {
        const piece = bytes.subarray(at, at + BUFFER_BYTES);
        buffer().set(piece);
        publish(piece.byteLength);
      }
    },
    digest() {
      buffer();
      publish(DIGEST);
      waitUntilPending(0);
      return digest.toHex();
    },
  };
}

/** Hashes the bytes of all lanes, which share one wakeup counter, until they are stopped. Blocks the thread. */
export function serveLanes(lanes: readonly LaneMemory[]): void {
  const served = lanes.map((memory) => new ServedLane(viewsOf(memory)));
  const [first] = served;
  if (first === undefined) return;
  try {
    for (;;) {
      const seen = first.wakeups;
      const open = served.filter((lane) => !lane.isStopped);
      if (open.length === 0) return;
      if (open.filter((lane) => lane.serve()).length === 0) first.waitForWakeup(seen);
    }
  } finally {
    // After an error no thread must wait for this hasher.
    lanes.forEach(stopLane);
  }
}

class ServedLane {
  readonly #views: Views;
  readonly #hash = new Bun.CryptoHasher("sha256");

  constructor(views: Views) {
    this.#views = views;
  }

  get isStopped(): boolean {
    return Atomics.load(this.#views.numbers, AT.isStopped) !== 0;
  }

  get wakeups(): number {
    return Atomics.load(this.#views.wakeups, 0);
  }

  waitForWakeup(seen: number): void {
    Atomics.wait(this.#views.wakeups, 0, seen);
  }

  /** Hashes one buffer. Returns whether there was one. */
  serve(): boolean {
    const { numbers, digest, buffers } = this.#views;
    const hashed = numbers[AT.hashed] ?? 0;
    if (Atomics.load(numbers, AT.published) === hashed) return false;
    const index = (hashed >>> 0) % BUFFERS;
    const length = numbers[AT.lengths + index] ?? 0;
    if (length === DIGEST) digest.set(this.#hash.digest());
    else this.#hash.update(defined(buffers[index], "buffer").subarray(0, length));
    Atomics.add(numbers, AT.hashed, 1);
    Atomics.notify(numbers, AT.hashed);
    return true;
  }
}
