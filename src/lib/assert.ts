/** Stops on a bug of ours. Conditions that come from outside are a TandemError instead. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}

/** The value, which a bug of ours alone could have left undefined. */
export function defined<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`Assertion failed: no ${what}`);
  return value;
}
