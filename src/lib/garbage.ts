/**
 * With millions of objects alive the collector waits until they are as many again. Who has just let go of as much as is kept says so
 * here: it halves the memory that a write takes, and costs a few milliseconds for 10,000 files.
 */
export function collectGarbage(): void {
  Bun.gc(true);
}

/** What so many nodes leave behind is worth to be cleared away. */
const NODES = 20_000;

/** Counts nodes that left garbage behind and has it collected, ever more seldom: in all it costs as much as going through them twice. */
export class Litter {
  #nodes = 0;
  #limit = NODES;

  add(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes < this.#limit) return;
    this.#nodes = 0;
    this.#limit *= 2;
    collectGarbage();
  }
}
