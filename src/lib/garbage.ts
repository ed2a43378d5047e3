import { edenGC } from "bun:jsc";

/** After this many items a collection frees enough memory to be worth its few milliseconds. */
const ITEMS_PER_COLLECTION = 20_000;

/**
 * Counts processed items (entries, nodes, names), each of which leaves garbage, and collects the garbage at intervals.
 * The engine itself collects only when there is as much garbage as live data, which doubles the memory. An eden
 * collection looks only at objects made since the last collection: it takes a few milliseconds, whatever the size of
 * the heap.
 */
export class GarbageCounter {
  #count = 0;

  add(count: number): void {
    this.#count += count;
    if (this.#count < ITEMS_PER_COLLECTION) return;
    this.#count = 0;
    edenGC();
  }
}
