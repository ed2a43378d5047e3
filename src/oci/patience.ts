import { TooSlow, Transient } from "./attempts.ts";

/** How long a server may keep us waiting. */
export interface Patience {
  /** How long it may send nothing at all. There is no limit on the whole. */
  readonly stallMs: number;
  /** How many bytes a second it has to send at least, over a minute; 0: any number. */
  readonly minimumRate: number;
  readonly every?: Every;
}

/** Calls `tick` again and again until the result is called. The part of a timer that tests replace. */
export type Every = (ms: number, tick: () => void) => () => void;

/** Half of what the slowest modems do: below it an image takes days, and its slot is erased all the while. */
export const MINIMUM_RATE = 512;
const RATE_WINDOW_MS = 60_000;
/** A stall is noticed within this part of its time. */
const TICKS = 10;

/**
 * Watches over one connection, and calls `giveUp` when the server has stalled. Only time counts in which this thread waits for the server
 * and has nothing else to do, so it counts ticks of a timer, which come late while the thread is busy: a slow consumer, or a disk that
 * blocks the thread, must not count as a stalled server.
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

  /** From now on it is the server's turn. */
  wait(): void {
    this.#isWaiting = true;
    this.#silentTicks = 0;
  }

  /** The server has sent something. */
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
    // The first tick may come right after the wait has begun.
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
