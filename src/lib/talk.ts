/** How far a step with a known end is. */
export interface Progress {
  /** What is being done, as the line shows it: "Fetching and unpacking". */
  readonly step: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Talk with the operator while something runs; results are not talk. */
export interface Talk {
  info(text: string): void;
  /** Something was survived: the text ends with ", continuing". */
  warn(text: string): void;
  debug(text: string): void;
  progress(progress: Progress): void;
}

export const SILENT: Talk = { info() {}, warn() {}, debug() {}, progress() {} };
