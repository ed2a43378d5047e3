/**
 * Throws a plain Error: a false condition is a bug in tandem. For conditions that come from outside throw a
 * TandemError.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}

/** Returns `value`. Throws a plain Error when it is missing, which only a bug in tandem can cause. */
export function defined<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`Assertion failed: no ${what}`);
  return value;
}
