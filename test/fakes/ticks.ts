import type { Every } from "../../src/oci/patience.ts";

/** Timers that advance only when a test calls pass(). */
export class Ticks {
  readonly #ticks = new Set<() => void>();
  /** The interval of the last timer. */
  intervalMs = 0;

  readonly every: Every = (ms, tick) => {
    this.intervalMs = ms;
    this.#ticks.add(tick);
    return () => this.#ticks.delete(tick);
  };

  /** The number of running timers. */
  get running(): number {
    return this.#ticks.size;
  }

  /** Advances the time without other events. */
  pass(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += this.intervalMs)
      for (const tick of this.#ticks) tick();
  }
}
