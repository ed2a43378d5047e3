import { createConsola } from "consola/core";
import type { Talk } from "../lib/talk.ts";
import { isInForeground } from "../system/terminal.ts";
import type { Globals } from "./globals.ts";
import { output } from "./output.ts";
import { fittingText, type Pace, ProgressMeter, progressText, type Shown } from "./progress.ts";

const LEVEL = { error: 0, info: 3, debug: 4 } as const;
const TERMINAL: Pace = { everyMs: 200, quietMs: 1000, atOnce: true };
/** A log keeps each line. */
const PLAIN: Pace = { everyMs: 5000, quietMs: 10_000, atOnce: false };
const JSON_LINES: Pace = { everyMs: 1000, quietMs: 2000, atOnce: false };
/** Of a terminal that does not tell. */
const COLUMNS = 80;

const PREFIX: Readonly<Record<string, string>> = { warn: "warning: ", debug: "debug: " };

/** Talk with a line at its end that is drawn over: end() clears it, before something else is printed. */
export type TalkLine = Talk & { end(): void };

/**
 * Talk on stderr: a progress line on a terminal, plain lines otherwise, JSON lines with --json. `mayDraw` says whether no other program
 * writes to the terminal: two programs that draw over a line spoil each other's.
 */
export function openTalk({ json, debug, quiet }: Globals, mayDraw = isInForeground): TalkLine {
  if (quiet) return { ...lines(LEVEL.error), progress() {}, end() {} };
  const level = debug ? LEVEL.debug : LEVEL.info;
  if (json) {
    return {
      info: (text) => emit({ level: "info", text }),
      warn: (text) => emit({ level: "warn", text }),
      debug: (text) => void (debug && emit({ level: "debug", text })),
      ...metered(JSON_LINES, (shown) => emit(shown)),
    };
  }
  const plain = lines(level);
  if (!process.stderr.isTTY || !mayDraw())
    return {
      ...plain,
      ...metered(PLAIN, (shown) => plain.info(progressText(shown))),
    };
  return terminal(plain);
}

function metered(pace: Pace, show: (shown: Shown) => void): Pick<TalkLine, "progress" | "end"> {
  const meter = new ProgressMeter(pace, show);
  return { progress: (progress) => meter.tell(progress), end: () => meter.end() };
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
  const { progress, end } = metered(TERMINAL, (shown) => {
    output("stderr", `\r\u001B[K${fittingText(shown, columnsNow())}`);
    drawn = true;
  });
  return {
    info: after((text) => plain.info(text)),
    warn: after((text) => plain.warn(text)),
    debug: after((text) => plain.debug(text)),
    progress,
    end() {
      end();
      clear();
    },
  };
}

/** Asked each time: the stream follows the window (SIGWINCH). */
function columnsNow(): number {
  return process.stderr.columns > 0 ? process.stderr.columns : COLUMNS;
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
