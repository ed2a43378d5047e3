import { type LaneMemory, laneMemory, stopLane, wakeupMemory } from "./hash-lane.ts";

/** A thread hashes 1.8 GB/s. A thread that unpacks produces a third of that. */
const LANES_PER_THREAD = 3;

export interface Hashers {
  /** One lane for each thread that unpacks. */
  readonly lanes: readonly LaneMemory[];
  close(): void;
}

/** Starts the threads that hash for `count` others. */
export function startHashers(count: number, onError: (text: string) => void): Hashers {
  const lanes: LaneMemory[] = [];
  const workers: Worker[] = [];
  while (lanes.length < count) {
    const wakeups = wakeupMemory();
    const some = Array.from({ length: Math.min(LANES_PER_THREAD, count - lanes.length) }, () =>
      laneMemory(wakeups),
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
