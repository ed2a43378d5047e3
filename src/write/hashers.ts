import { bellMemory, type LaneMemory, laneMemory, stopLane } from "./hash-lane.ts";

/** A thread hashes 1.8 GB/s, and one that unpacks makes a third of that. */
const LANES_PER_THREAD = 3;

export interface Hashers {
  /** One for each thread that has something to hash. */
  readonly lanes: readonly LaneMemory[];
  close(): void;
}

/** Starts as many threads as it takes to hash for `count` others. */
export function startHashers(count: number, onError: (text: string) => void): Hashers {
  const lanes: LaneMemory[] = [];
  const workers: Worker[] = [];
  while (lanes.length < count) {
    const bell = bellMemory();
    const some = Array.from({ length: Math.min(LANES_PER_THREAD, count - lanes.length) }, () =>
      laneMemory(bell),
    );
    const worker = new Worker(new URL("./hasher.ts", import.meta.url).href);
    worker.addEventListener("error", ({ message }) => onError(`Hasher failed: ${message}`));
    worker.postMessage(some);
    lanes.push(...some);
    workers.push(worker);
  }
  return {
    lanes,
    close() {
      lanes.forEach(stopLane);
      for (const worker of workers) worker.terminate();
    },
  };
}
