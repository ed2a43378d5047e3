import { TooSlow, Transient } from "./attempts.ts";

/** How slow a server may be. */
export interface Patience {
  /** How long the server may send nothing. The whole request has no limit. */
  readonly stallMs: number;
  /** The lowest rate in bytes a second, over a minute. 0: no limit. */
  readonly minimumRate: number;
  readonly every?: Every;
}

/** Calls `tick` in this interval until the returned function is called. Tests replace it. */
export type Every = (ms: number, tick: () => void) => () => void;

/** Half the rate of the slowest modems. At a lower rate an image takes days, while its slot stays erased. */
export const MINIMUM_RATE = 512;
const RATE_WINDOW_MS = 60_000;
/** The timer ticks so often in the time of a stall. */
const TICKS = 10;

/**
 * Watches one connection and calls `giveUp` when the server has stalled. Only the time counts in which this thread waits
 * for the server: a slow consumer, or a disk that blocks the thread, must not count as a stalled server. So it counts
 * ticks of a timer, which do not come while the thread is busy.
 */
export class Watch {
  readonly #patience: Patience;
  readonly #host: string;
  readonly #giveUp: (why: Transient) => void;
  readonly #tickMs: number;
  readonly #end: () => void;
  #isWaiting = false;
  #silentTicks = 0;
  #windowMs = 0;
  #windowBytes = 0;

  constructor(patience: Patience, host: string, giveUp: (why: Transient) => void) {
    this.#patience = patience;
    this.#host = host;
    this.#giveUp = giveUp;
    this.#tickMs = Math.min(patience.stallMs, RATE_WINDOW_MS) / TICKS;
    this.#end = (patience.every ?? every)(this.#tickMs, () => this.#tick());
  }

  /** Starts to count: this thread now waits for the server. */
  wait(): void {
    this.#isWaiting = true;
    this.#silentTicks = 0;
  }

  /** Stops to count: the server has sent bytes. */
  got(sizeBytes: number): void {
    this.#isWaiting = false;
    this.#windowBytes += sizeBytes;
  }

  stop(): void {
    this.#isWaiting = false;
    this.#end();
  }

  #tick(): void {
    if (!this.#isWaiting) return;
    const { stallMs } = this.#patience;
    this.#silentTicks += 1;
    // The first tick may come just after the wait began.
    if ((this.#silentTicks - 1) * this.#tickMs >= stallMs)
      this.#overdue(new Transient(`no byte from ${this.#host} for ${stallMs / 1000} s`));
    else this.#judgeRate();
  }

  #judgeRate(): void {
    const { minimumRate } = this.#patience;
    const windowMs = this.#windowMs;
    this.#windowMs += this.#tickMs;
    if (windowMs < RATE_WINDOW_MS) return;
    const rate = Math.floor((this.#windowBytes * 1000) / windowMs);
    this.#windowMs = this.#tickMs;
    this.#windowBytes = 0;
    if (rate >= minimumRate) return;
    const want = `want at least ${minimumRate} (minimumRate in the configuration)`;
    this.#overdue(new TooSlow(`${this.#host} sent ${rate} bytes a second over a minute, ${want}`));
  }

  #overdue(why: Transient): void {
    this.stop();
    this.#giveUp(why);
  }
}

const every: Every = (ms, tick) => {
  const timer = setInterval(tick, ms);
  return () => clearInterval(timer);
};
