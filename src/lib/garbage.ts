import { edenGC } from "bun:jsc";

/** What so many leave behind is worth to be cleared away. */
const LITTERERS = 20_000;

/**
 * Counts what was worked on (entries, nodes, names) and left garbage behind, and has that collected. By itself the collector would wait
 * until there is as much of it as there is of what is kept, which is twice the memory. Only what is new is looked at: a few
 * milliseconds, however much there is.
 */
export class Litter {
  #count = 0;

  add(count: number): void {
    this.#count += count;
    if (this.#count < LITTERERS) return;
    this.#count = 0;
    edenGC();
  }
}
