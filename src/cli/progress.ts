import type { Progress, Waiting } from "../lib/talk.ts";
import { formatBytes } from "../lib/units.ts";

/** What is shown: how far a step is, or for how long something is waited for. */
export type Shown = (Progress & Rate) | (Waiting & { readonly seconds: number });

interface Rate {
  readonly bytesPerSecond: number;
  readonly secondsLeft: number;
  /** Since something was gained. */
  readonly quietSeconds: number;
}

export interface Pace {
  /** At most one paint in so many while something is gained. */
  readonly everyMs: number;
  /** When nothing is gained, it is said again after so many. */
  readonly quietMs: number;
  /** Whether a step is shown as soon as it begins. */
  readonly atOnce: boolean;
}

export interface Clock {
  nowMs(): number;
  every(ms: number, action: () => void): { stop(): void };
}

const REAL_CLOCK: Clock = {
  nowMs: () => performance.now(),
  every(ms, action) {
    const timer = setInterval(action, ms);
    // What is shown keeps nothing running.
    timer.unref();
    return { stop: () => clearInterval(timer) };
  },
};

interface Current {
  readonly startedMs: number;
  readonly progress: Progress | Waiting;
  /** When something was gained last. */
  readonly gainedMs: number;
}

/** Decides when to show how far the work is. Nothing it shows is older than `quietMs` until end(), unless this thread is busy. */
export class ProgressMeter {
  readonly #pace: Pace;
  readonly #show: (shown: Shown) => void;
  readonly #clock: Clock;
  #current: Current | undefined;
  #shownMs = 0;
  #timer: { stop(): void } | undefined;

  constructor(pace: Pace, show: (shown: Shown) => void, clock: Clock = REAL_CLOCK) {
    this.#pace = pace;
    this.#show = show;
    this.#clock = clock;
  }

  tell(progress: Progress | Waiting): void {
    const { everyMs, quietMs, atOnce } = this.#pace;
    const nowMs = this.#clock.nowMs();
    const begins = this.#current?.progress.step !== progress.step;
    const startedMs = begins ? nowMs : (this.#current?.startedMs ?? nowMs);
    this.#current = { startedMs, progress, gainedMs: nowMs };
    this.#timer ??= this.#clock.every(quietMs / 2, () => this.#repeat());
    if (begins) this.#shownMs = nowMs;
    const isEnd = isMeasured(progress) && progress.doneBytes >= progress.totalBytes;
    if ((begins && atOnce) || isEnd || nowMs - this.#shownMs >= everyMs) this.#paint();
  }

  end(): void {
    this.#timer?.stop();
    this.#timer = undefined;
    this.#current = undefined;
  }

  #repeat(): void {
    if (this.#clock.nowMs() - this.#shownMs >= this.#pace.quietMs) this.#paint();
  }

  #paint(): void {
    if (this.#current === undefined) return;
    this.#shownMs = this.#clock.nowMs();
    this.#show(shownOf(this.#current, this.#shownMs));
  }
}

function shownOf({ startedMs, progress, gainedMs }: Current, nowMs: number): Shown {
  const seconds = (nowMs - startedMs) / 1000;
  if (!isMeasured(progress)) return { ...progress, seconds };
  const bytesPerSecond = progress.doneBytes / Math.max(seconds, SECONDS_MIN);
  const secondsLeft = (progress.totalBytes - progress.doneBytes) / bytesPerSecond;
  return { ...progress, bytesPerSecond, secondsLeft, quietSeconds: (nowMs - gainedMs) / 1000 };
}

/** Of a shorter time a rate says nothing. */
const SECONDS_MIN = 0.1;

function isMeasured(progress: Progress | Waiting): progress is Progress {
  return "doneBytes" in progress;
}

/** So long nobody wonders. */
const QUIET_SECONDS = 2;

/** The same in several lengths, the longest first. */
function formsOf(shown: Shown): readonly [string, ...string[]] {
  if (!("doneBytes" in shown)) {
    const { step, seconds } = shown;
    return seconds < QUIET_SECONDS ? [step] : [`${step} (${Math.floor(seconds)} s)`];
  }
  const { step, doneBytes, totalBytes, bytesPerSecond, secondsLeft, quietSeconds } = shown;
  const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
  const rate = `${formatBytes(Math.round(bytesPerSecond))}/s`;
  const left = Number.isFinite(secondsLeft) ? `, ${Math.ceil(secondsLeft)} s left` : "";
  const isQuiet = quietSeconds >= QUIET_SECONDS && doneBytes < totalBytes;
  const end = isQuiet ? `, nothing new for ${Math.floor(quietSeconds)} s` : left;
  return [
    `${step}: ${percent} % (${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}, ${rate}${end})`,
    `${step}: ${percent} % (${rate}${end})`,
    `${step}: ${percent} %`,
    `${percent} % ${step}`,
  ];
}

export function progressText(shown: Shown): string {
  return printable(formsOf(shown)[0]);
}

/** In fewer columns than the terminal has: a line that fills the last one wraps on some. */
export function fittingText(shown: Shown, columns: number): string {
  const room = Math.max(columns - 1, 1);
  const forms = formsOf(shown).map((form) => printable(form));
  const fitting = forms.find((form) => Bun.stringWidth(form) <= room);
  return fitting ?? cut(forms.at(-1) ?? "", room);
}

/** Cut where a character ends as people see it. Bun.sliceAnsi() lets a wide one stick out by a column. */
function cut(text: string, room: number): string {
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (Bun.stringWidth(`${kept}${segment}…`) > room) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** A name from outside may have characters that move the cursor. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}
