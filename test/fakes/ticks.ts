import type { Every } from "../../src/oci/patience.ts";

/** Timers that go on only when a test says so. */
export class Ticks {
  readonly #ticks = new Set<() => void>();
  /** As the last timer was asked for. */
  intervalMs = 0;

  readonly every: Every = (ms, tick) => {
    this.intervalMs = ms;
    this.#ticks.add(tick);
    return () => this.#ticks.delete(tick);
  };

  /** How many timers run. */
  get running(): number {
    return this.#ticks.size;
  }

  /** Lets so much time pass, without any other thing happening in it. */
  pass(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += this.intervalMs)
      for (const tick of this.#ticks) tick();
  }
}
