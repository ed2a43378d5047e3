/** Enough to see why a program failed, and small enough to be stored in the state. */
const LINES_MAX = 20;
const CHARACTERS_MAX = 2000;

/** Returns the end of a program's or a kernel's output: at most 20 lines and 2000 characters. */
export function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-LINES_MAX).join("\n").slice(-CHARACTERS_MAX);
}
