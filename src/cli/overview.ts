import { EXIT } from "./exit.ts";
import { GLOBALS_HELP } from "./globals.ts";
import type { Verb } from "./verb.ts";

/** What `tandem --help` prints. */
export function overview(verbs: readonly Verb[]): string {
  const statuses = Object.entries(EXIT).map(([code, status]) => `${status} ${code}`);
  return [
    "tandem keeps two copies of an operating system on one machine and makes sure that one of them always boots.",
    "",
    "Usage: tandem VERB [WORDS] [FLAGS]",
    "",
    "Verbs:",
    ...columns(verbs.map(({ name, description }) => [name, description])),
    "",
    "Flags that may stand anywhere:",
    ...columns(GLOBALS_HELP),
    ...columns([["--version", "Print the version"]]),
    "",
    `Exit statuses: 0 done or nothing to do, ${statuses.join(", ")}`,
    "",
    "See tandem VERB --help for the words and flags of one verb.",
    "",
  ].join("\n");
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = 16;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`);
}
