import type { Progress, Waiting } from "../lib/talk.ts";
import { formatBytes } from "../lib/units.ts";

/** What is shown: the progress of a step, or how long tandem has waited. */
export type Shown = (Progress & Rate) | (Waiting & { readonly seconds: number });

interface Rate {
  readonly bytesPerSecond: number;
  readonly secondsLeft: number;
  /** Seconds without progress. */
  readonly quietSeconds: number;
}

export interface Pace {
  /** While there is progress, it is shown once in so many milliseconds at most. */
  readonly everyMs: number;
  /** Without progress, it is shown again after so many milliseconds. */
  readonly quietMs: number;
  /** Whether a step is shown when it begins. */
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
    // This timer must not keep the process alive.
    timer.unref();
    return { stop: () => clearInterval(timer) };
  },
};

interface Current {
  readonly startedMs: number;
  readonly progress: Progress | Waiting;
  /** When there was progress last. */
  readonly progressMs: number;
}

/** Decides when to show progress. Until end() what is shown is never older than `quietMs`, unless this thread is busy. */
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

  update(progress: Progress | Waiting): void {
    const { everyMs, quietMs, atOnce } = this.#pace;
    const nowMs = this.#clock.nowMs();
    const begins = this.#current?.progress.step !== progress.step;
    const startedMs = begins ? nowMs : (this.#current?.startedMs ?? nowMs);
    this.#current = { startedMs, progress, progressMs: nowMs };
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

function shownOf({ startedMs, progress, progressMs }: Current, nowMs: number): Shown {
  const seconds = (nowMs - startedMs) / 1000;
  if (!isMeasured(progress)) return { ...progress, seconds };
  const bytesPerSecond = progress.doneBytes / Math.max(seconds, SECONDS_MIN);
  const secondsLeft = (progress.totalBytes - progress.doneBytes) / bytesPerSecond;
  return { ...progress, bytesPerSecond, secondsLeft, quietSeconds: (nowMs - progressMs) / 1000 };
}

/** A rate over a shorter time means nothing. */
const SECONDS_MIN = 0.1;

function isMeasured(progress: Progress | Waiting): progress is Progress {
  return "doneBytes" in progress;
}

/** A shorter pause is normal and not shown. */
const QUIET_SECONDS = 2;

/** The same text in several lengths, the longest first. */
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

/** Text that leaves the last column free: some terminals wrap a line that fills it. */
export function fittingText(shown: Shown, columns: number): string {
  const room = Math.max(columns - 1, 1);
  const forms = formsOf(shown).map((form) => printable(form));
  const fitting = forms.find((form) => Bun.stringWidth(form) <= room);
  return fitting ?? cut(forms.at(-1) ?? "", room);
}

/** Cuts between characters as people see them. Bun.sliceAnsi() lets a wide character exceed the width by a column. */
function cut(text: string, room: number): string {
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (Bun.stringWidth(`${kept}${segment}…`) > room) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Replaces control characters: a name from outside could move the cursor. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}
