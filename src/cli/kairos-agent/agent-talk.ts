import type { Progress, Talk, Waiting } from "../../lib/talk.ts";
import type { System } from "../../system/system.ts";
import { ProgressMeter, progressText } from "../progress.ts";
import { type LogLevel, logLine } from "./log.ts";

/** A log keeps each line, and the pods of an upgrade have one. */
const PACE = { everyMs: 10_000, quietMs: 30_000, atOnce: false };

export interface TalkOptions {
  readonly print: (text: string) => void;
  readonly debug: boolean;
}

/** Talk in the form of the original's log. It has lines only, so that end() has nothing to clear. */
export class AgentTalk implements Talk {
  readonly #system: Pick<System, "now">;
  readonly #options: TalkOptions;
  readonly #meter: ProgressMeter;

  constructor(system: Pick<System, "now">, options: TalkOptions) {
    this.#system = system;
    this.#options = options;
    this.#meter = new ProgressMeter(PACE, (shown) => this.info(progressText(shown)));
  }

  info(text: string): void {
    this.#line("INF", text);
  }

  warn(text: string): void {
    this.#line("WRN", text);
  }

  error(text: string): void {
    this.#line("ERR", text);
  }

  debug(text: string): void {
    if (this.#options.debug) this.#line("DBG", text);
  }

  progress(progress: Progress | Waiting): void {
    this.#meter.update(progress);
  }

  /** Ends the progress. */
  end(): void {
    this.#meter.end();
  }

  #line(level: LogLevel, text: string): void {
    this.#options.print(logLine(this.#system, level, text));
  }
}
