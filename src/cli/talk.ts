import { createConsola } from "consola/core";
import type { Progress, Talk } from "../lib/talk.ts";
import { formatBytes } from "../lib/units.ts";
import type { Globals } from "./globals.ts";
import { output } from "./output.ts";

const LEVEL = { error: 0, info: 3, debug: 4 } as const;
const TERMINAL_MS = 200;
const PLAIN_MS = 5000;

const PREFIX: Readonly<Record<string, string>> = { warn: "warning: ", debug: "debug: " };

/** Talk with a line at its end that is drawn over: end() clears it, before something else is printed. */
export type TalkLine = Talk & { end(): void };

/** Talk on stderr: a progress line on a terminal, plain lines otherwise, JSON lines with --json. */
export function openTalk({ json, debug, quiet }: Globals): TalkLine {
  if (quiet) return { ...lines(LEVEL.error), progress() {}, end() {} };
  const level = debug ? LEVEL.debug : LEVEL.info;
  if (json) {
    return {
      info: (text) => emit({ level: "info", text }),
      warn: (text) => emit({ level: "warn", text }),
      debug: (text) => void (debug && emit({ level: "debug", text })),
      progress: throttled(PLAIN_MS / 5, (progress, rate) => emit({ ...progress, ...rate })),
      end() {},
    };
  }
  const plain = lines(level);
  if (!process.stderr.isTTY)
    return {
      ...plain,
      progress: throttled(PLAIN_MS, (progress, rate) => plain.info(progressText(progress, rate))),
      end() {},
    };
  return terminal(plain);
}

function emit(line: object): void {
  output("stderr", `${JSON.stringify(line)}\n`);
}

/** The line of a terminal is drawn over until something else is said. */
function terminal(plain: Omit<Talk, "progress">): TalkLine {
  let drawn = false;
  const clear = (): void => {
    if (drawn) output("stderr", "\r\u001B[K");
    drawn = false;
  };
  const after =
    (say: (text: string) => void) =>
    (text: string): void => {
      clear();
      say(text);
    };
  return {
    info: after((text) => plain.info(text)),
    warn: after((text) => plain.warn(text)),
    debug: after((text) => plain.debug(text)),
    progress: throttled(TERMINAL_MS, (progress, rate) => {
      output("stderr", `\r\u001B[K${progressText(progress, rate)}`);
      drawn = true;
    }),
    end: clear,
  };
}

function lines(level: number): Omit<Talk, "progress"> {
  const log = createConsola({
    level,
    throttle: 0,
    // consola's own reporters decorate, and choose the stream by level: talk is plain and on stderr.
    reporters: [
      {
        log: ({ type, args }) =>
          output("stderr", `${PREFIX[type] ?? ""}${args.map(String).join(" ")}\n`),
      },
    ],
  });
  return {
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
    debug: (text) => log.debug(text),
  };
}

interface Rate {
  readonly bytesPerSecond: number;
  readonly secondsLeft: number;
}

export function progressText({ step, doneBytes, totalBytes }: Progress, rate: Rate): string {
  const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
  const left = Number.isFinite(rate.secondsLeft) ? `, ${Math.ceil(rate.secondsLeft)} s left` : "";
  return `${step}: ${percent} % (${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}, ${formatBytes(Math.round(rate.bytesPerSecond))}/s${left})`;
}

/** Shows at most one in `everyMs`, and always the end. The rate counts from the first call of a step. */
function throttled(
  everyMs: number,
  show: (progress: Progress, rate: Rate) => void,
): (progress: Progress) => void {
  let step = "";
  let startedMs = 0;
  let shownMs = -Infinity;
  return (progress) => {
    const nowMs = performance.now();
    if (progress.step !== step) {
      ({ step } = progress);
      startedMs = nowMs;
      shownMs = nowMs;
    }
    const atEnd = progress.doneBytes >= progress.totalBytes;
    if (!atEnd && nowMs - shownMs < everyMs) return;
    shownMs = nowMs;
    const bytesPerSecond = (progress.doneBytes * 1000) / Math.max(nowMs - startedMs, 1);
    const secondsLeft = (progress.totalBytes - progress.doneBytes) / bytesPerSecond;
    show(progress, { bytesPerSecond, secondsLeft });
  };
}
