/** How far a step with a known end is. */
export interface Progress {
  /** What is being done, as the line shows it: "Fetching and unpacking". */
  readonly step: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Something whose end is not known: a lock, a flush, an answer. */
export interface Waiting {
  /** What is being done, or waited for. */
  readonly step: string;
}

/** Talk with the operator while something runs; results are not talk. */
export interface Talk {
  info(text: string): void;
  /** Something was survived: the text ends with ", continuing". */
  warn(text: string): void;
  debug(text: string): void;
  /** Holds until the next one: whoever waits says for what before. */
  progress(progress: Progress | Waiting): void;
}

export const SILENT: Talk = { info() {}, warn() {}, debug() {}, progress() {} };
