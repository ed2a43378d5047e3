/** Two copies of one thing: a write goes to the copy that is not in force, so a cut leaves the old one or the new one. */
export type Copies<T> = [T | Invalid, T | Invalid];

/** A copy that cannot be used, and why. */
export interface Invalid {
  readonly invalid: string;
}

/** What a copy counts as from the start of its write to the end. */
export const HALF_WRITTEN: Invalid = { invalid: "it was not written to its end" };

/** The copy, unless it cannot be used. */
export function validOf<T extends object>(copy: T | Invalid): T | undefined {
  return "invalid" in copy ? undefined : copy;
}

/** Why copies cannot be used, one line each. */
export function problemsOf(what: string, copies: Copies<object>): string[] {
  return copies.flatMap((copy, index) =>
    "invalid" in copy ? [`copy ${index} of the ${what} cannot be used: ${copy.invalid}`] : [],
  );
}
