import { defined } from "../lib/assert.ts";
import { type OutputHash, ROOM_BYTES } from "../layer/output-hash.ts";

/** Enough that neither side waits for the other at every piece. */
const ROOMS = 4;
const DIGEST_BYTES = 32;
/** Where in the numbers of a lane which one lies; the lengths of what is in the rooms come last. */
const AT = { published: 0, hashed: 1, isStopped: 2, lengths: 3 } as const;
const NUMBERS_BYTES = 4 * (AT.lengths + ROOMS);
/** In the place of a length: give the digest and begin anew. No bytes are in the room. */
const DIGEST = -1;
/** So often one who waits looks whether the other side was stopped. */
const STOP_CHECK_MS = 200;

/** Memory of one stream of bytes between the thread that makes them and the one that hashes them. */
export interface LaneMemory {
  /** Counters, lengths, the digest, then the rooms. */
  readonly lane: SharedArrayBuffer;
  /** One number that goes up when any lane of the same hasher has news. */
  readonly bell: SharedArrayBuffer;
}

export function laneMemory(bell: SharedArrayBuffer): LaneMemory {
  return { bell, lane: new SharedArrayBuffer(NUMBERS_BYTES + DIGEST_BYTES + ROOMS * ROOM_BYTES) };
}

export function bellMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

interface Views {
  readonly numbers: Int32Array;
  readonly digest: Uint8Array;
  readonly rooms: readonly Uint8Array[];
  readonly bell: Int32Array;
}

function viewsOf({ lane, bell }: LaneMemory): Views {
  const roomsAt = NUMBERS_BYTES + DIGEST_BYTES;
  return {
    numbers: new Int32Array(lane, 0, AT.lengths + ROOMS),
    digest: new Uint8Array(lane, NUMBERS_BYTES, DIGEST_BYTES),
    rooms: Array.from(
      { length: ROOMS },
      (_, index) => new Uint8Array(lane, roomsAt + index * ROOM_BYTES, ROOM_BYTES),
    ),
    bell: new Int32Array(bell),
  };
}

/** Ends both sides of a lane, also when they wait for each other. */
export function stopLane(memory: LaneMemory): void {
  const { numbers, bell } = viewsOf(memory);
  Atomics.store(numbers, AT.isStopped, 1);
  Atomics.notify(numbers, AT.hashed);
  ring(bell);
}

function ring(bell: Int32Array): void {
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
}

/**
 * Has another thread hash what this one makes: a layer is a chain of work, and its hash is the part of it that can go beside the rest.
 * Waits when all rooms are full. Throws when the lane was stopped.
 */
export function hashInLane(memory: LaneMemory): OutputHash {
  const { numbers, digest, rooms, bell } = viewsOf(memory);
  const wait = (roomsMax: number): void => {
    for (;;) {
      if (Atomics.load(numbers, AT.isStopped) !== 0) throw new Error("the hasher was stopped");
      const hashed = Atomics.load(numbers, AT.hashed);
      // Both counters wrap at 32 bits, their difference does not.
      if (((numbers[AT.published] ?? 0) - hashed) >>> 0 <= roomsMax) return;
      Atomics.wait(numbers, AT.hashed, hashed, STOP_CHECK_MS);
    }
  };
  const indexOfNext = (): number => ((numbers[AT.published] ?? 0) >>> 0) % ROOMS;
  const room = (): Uint8Array => {
    wait(ROOMS - 1);
    return defined(rooms[indexOfNext()], "room");
  };
  const publish = (length: number): void => {
    numbers[AT.lengths + indexOfNext()] = length;
    Atomics.add(numbers, AT.published, 1);
    ring(bell);
  };
  return {
    room,
    update(bytes) {
      if (bytes.buffer === memory.lane) return publish(bytes.byteLength);
      for (let at = 0; at < bytes.byteLength; at += ROOM_BYTES) {
        const piece = bytes.subarray(at, at + ROOM_BYTES);
        room().set(piece);
        publish(piece.byteLength);
      }
    },
    digest() {
      room();
      publish(DIGEST);
      wait(0);
      return digest.toHex();
    },
  };
}

/** Hashes what comes through the lanes, which share one bell, until they are stopped. Blocks the thread. */
export function serveLanes(lanes: readonly LaneMemory[]): void {
  const served = lanes.map((memory) => new ServedLane(viewsOf(memory)));
  const [first] = served;
  if (first === undefined) return;
  try {
    for (;;) {
      const heard = first.bell;
      const open = served.filter((lane) => !lane.isStopped);
      if (open.length === 0) return;
      if (open.filter((lane) => lane.serve()).length === 0) first.waitForBell(heard);
    }
  } finally {
    // Nobody may wait for a hasher that is no more.
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

  get bell(): number {
    return Atomics.load(this.#views.bell, 0);
  }

  waitForBell(heard: number): void {
    Atomics.wait(this.#views.bell, 0, heard);
  }

  /** Takes what is in one room, and tells whether something was. */
  serve(): boolean {
    const { numbers, digest, rooms } = this.#views;
    const hashed = numbers[AT.hashed] ?? 0;
    if (Atomics.load(numbers, AT.published) === hashed) return false;
    const index = (hashed >>> 0) % ROOMS;
    const length = numbers[AT.lengths + index] ?? 0;
    if (length === DIGEST) digest.set(this.#hash.digest());
    else this.#hash.update(defined(rooms[index], "room").subarray(0, length));
    Atomics.add(numbers, AT.hashed, 1);
    Atomics.notify(numbers, AT.hashed);
    return true;
  }
}
