/**
 * Two copies of a value. A write goes to the copy that is not in force, so a power cut leaves the old or the new value.
 */
export type Copies<T> = [T | Invalid, T | Invalid];

/** A copy that cannot be used, and why. */
export interface Invalid {
  readonly invalid: string;
}

/** A copy while it is written. */
export const HALF_WRITTEN: Invalid = { invalid: "it was not written to its end" };

/** The value of a copy. Undefined when the copy cannot be used. */
export function validOf<T extends object>(copy: T | Invalid): T | undefined {
  return "invalid" in copy ? undefined : copy;
}

/** One line for each copy that cannot be used. */
export function problemsOf(what: string, copies: Copies<object>): string[] {
  return copies.flatMap((copy, index) =>
    "invalid" in copy ? [`copy ${index} of the ${what} cannot be used: ${copy.invalid}`] : [],
  );
}
