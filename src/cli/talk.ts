import { createConsola, type ConsolaReporter, LogLevels } from "consola/core";
import type { Talk } from "../lib/talk.ts";
import { isInForeground } from "../system/terminal.ts";
import type { Globals } from "./globals.ts";
import { output } from "./output.ts";
import { fittingText, type Pace, ProgressMeter, progressText, type Shown } from "./progress.ts";

const TERMINAL: Pace = { everyMs: 200, quietMs: 1000, atOnce: true };
/** A log keeps each line. */
const PLAIN: Pace = { everyMs: 5000, quietMs: 10_000, atOnce: false };
const JSON_LINES: Pace = { everyMs: 1000, quietMs: 2000, atOnce: false };
/** For a terminal that does not report its width. */
const COLUMNS = 80;

const PREFIX: Readonly<Record<string, string>> = { warn: "warning: ", debug: "debug: " };

/** Talk that may end in a progress line, which the next one overwrites: end() clears it before other output. */
export type TalkLine = Talk & { end(): void };

/** How talk looks on stderr: messages come through consola, progress through the meter. */
interface TalkForm extends ConsolaReporter {
  readonly pace: Pace;
  readonly show: (shown: Shown) => void;
  readonly clear: () => void;
}

/**
 * Talk on stderr: a progress line on a terminal, plain lines otherwise, JSON lines with --json. consola decides by the
 * level which messages are printed. Its own reporters are not used: they decorate, and write some levels to stdout.
 * `mayDraw` says whether no other program writes to the terminal: two programs that overwrite a line spoil both lines.
 */
export function openTalk(globals: Globals, mayDraw: () => boolean = isInForeground): TalkLine {
  const form = formFor(globals, mayDraw);
  const log = createConsola({ level: levelFor(globals), throttle: 0, reporters: [form] });
  const meter = new ProgressMeter(form.pace, form.show);
  return {
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
    debug: (text) => log.debug(text),
    progress: (progress) => void (globals.quiet || meter.update(progress)),
    end() {
      meter.end();
      form.clear();
    },
  };
}

function levelFor({ debug, quiet }: Globals): number {
  if (quiet) return LogLevels.error;
  return debug ? LogLevels.debug : LogLevels.info;
}

function formFor({ json, quiet }: Globals, mayDraw: () => boolean): TalkForm {
  if (json) return JSON_FORM;
  return quiet || !process.stderr.isTTY || !mayDraw() ? PLAIN_FORM : terminalForm();
}

const JSON_FORM: TalkForm = {
  pace: JSON_LINES,
  log: ({ type, args }) => emit({ level: type, text: textOf(args) }),
  show: emit,
  clear() {},
};

const PLAIN_FORM: TalkForm = {
  pace: PLAIN,
  log: ({ type, args }) => say(`${PREFIX[type] ?? ""}${textOf(args)}`),
  show: (shown) => say(progressText(shown)),
  clear() {},
};

/** The last line shows the progress and is overwritten. A message clears it first. */
function terminalForm(): TalkForm {
  let isDrawn = false;
  const clear = (): void => {
    if (isDrawn) output("stderr", "\r\u001B[K");
    isDrawn = false;
  };
  return {
    pace: TERMINAL,
    log(message, context) {
      clear();
      PLAIN_FORM.log(message, context);
    },
    show(shown) {
      output("stderr", `\r\u001B[K${fittingText(shown, columnsNow())}`);
      isDrawn = true;
    },
    clear,
  };
}

function emit(line: object): void {
  say(JSON.stringify(line));
}

function say(line: string): void {
  output("stderr", `${line}\n`);
}

function textOf(args: readonly unknown[]): string {
  return args.map(String).join(" ");
}

/** Asked each time: the stream follows the window (SIGWINCH). */
function columnsNow(): number {
  return process.stderr.columns > 0 ? process.stderr.columns : COLUMNS;
}
