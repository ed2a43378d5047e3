import { TandemError } from "../lib/error.ts";

/** The flags that may stand anywhere on the line, before or after the verb. */
export interface Globals {
  readonly disk: string | undefined;
  readonly config: string | undefined;
  readonly json: boolean;
  readonly debug: boolean;
  readonly quiet: boolean;
}

const VALUES = ["disk", "config"] as const;
const SWITCHES = ["json", "debug", "quiet"] as const;

export const GLOBALS_HELP: readonly (readonly [string, string])[] = [
  ["--disk=PATH", "The disk to work on: a block device or a disk-image file"],
  ["--config=FILE", "Read this configuration file last, after those of the system"],
  ["--json", "Result as JSON, talk as JSON lines"],
  ["--debug", "Say more, and print stacks"],
  ["--quiet", "Say only what went wrong"],
];

/** Takes the global flags out of the arguments. After "--" nothing is a flag. */
export function splitGlobals(args: readonly string[]): { globals: Globals; rest: string[] } {
  const values = new Map<string, string>();
  const switches = new Set<string>();
  const rest: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (arg === "--") {
      rest.push(...args.slice(at));
      break;
    }
    const [flag, value] = splitFlag(arg);
    if (VALUES.some((name) => flag === `--${name}`)) {
      values.set(flag, given(flag, value ?? args[at + 1]));
      if (value === undefined) at += 1;
    } else if (SWITCHES.some((name) => arg === `--${name}`)) switches.add(arg);
    else rest.push(arg);
  }
  const globals = {
    disk: values.get("--disk"),
    config: values.get("--config"),
    json: switches.has("--json"),
    debug: switches.has("--debug"),
    quiet: switches.has("--quiet"),
  };
  return { globals, rest };
}

function splitFlag(arg: string): [string, string | undefined] {
  const equals = arg.indexOf("=");
  return equals === -1 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function given(flag: string, value: string | undefined): string {
  if (value === undefined || value === "" || value.startsWith("--"))
    throw new TandemError("usage", `Cannot read the arguments: ${flag} needs a value`);
  return value;
}
