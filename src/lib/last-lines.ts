/** Enough to see why, little enough for the state. */
const LINES_MAX = 20;
const CHARACTERS_MAX = 2000;

/** The end of what a program or a kernel said. */
export function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-LINES_MAX).join("\n").slice(-CHARACTERS_MAX);
}
