/** One check of the running system. */
export interface Check {
  /** The name for messages: the path of a program, or "tcp localhost:22". */
  readonly name: string;
  /** Whether the verdict depends on this check. Otherwise the result is only reported. */
  readonly required: boolean;
  /** Runs the check, which should end within `seconds`. */
  run(seconds: number): Promise<Outcome>;
}

export interface Outcome {
  /** One line that says what failed. Undefined when the check passed. */
  readonly failure: string | undefined;
  /** The last lines that the check printed. */
  readonly output: string;
}
