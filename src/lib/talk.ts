/** The progress of a step whose size is known. */
export interface Progress {
  /** The text of the progress line: "Fetching and unpacking". */
  readonly step: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** A step whose end is not known: waiting for a lock, a flush, an answer. */
export interface Waiting {
  /** What tandem does or waits for. */
  readonly step: string;
}

/** Messages to the operator while a command runs. They go to stderr; results go to stdout and not through here. */
export interface Talk {
  info(text: string): void;
  /** Reports a problem after which the command goes on. The text ends with ", continuing". */
  warn(text: string): void;
  debug(text: string): void;
  /** Shows the current step, which lasts until the next call. Call it before the wait begins. */
  progress(progress: Progress | Waiting): void;
}

export const SILENT: Talk = { info() {}, warn() {}, debug() {}, progress() {} };
