/** One thing that has to be so before a boot is called good. */
export interface Check {
  /** What messages call it: the path of a program, or "tcp localhost:22". */
  readonly name: string;
  /** Whether the verdict depends on it; otherwise it is only reported. */
  readonly required: boolean;
  /** Has to end within `seconds`, or at least mean to. */
  run(seconds: number): Promise<Outcome>;
}

export interface Outcome {
  /** undefined: passed. Otherwise one line that says what happened. */
  readonly failure: string | undefined;
  /** The last lines it printed. */
  readonly output: string;
}
