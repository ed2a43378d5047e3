import { TandemError } from "../lib/error.ts";

/** The flags that may stand anywhere on the command line, before or after the verb. */
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
  ["--json", "Print the result as JSON and messages as JSON lines"],
  ["--debug", "Print more, and the stacks of errors"],
  ["--quiet", "Print only errors"],
];

/** Takes the global flags out of the arguments. After "--" nothing is a flag. */
export function splitGlobals(args: readonly string[]): { globals: Globals; rest: string[] } {
  const values = new Map<string, string>();
  const switches = new Map<string, boolean>();
  const rest: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    if (arg === "--") {
      rest.push(...args.slice(index));
      break;
    }
    const [flag, value] = splitFlag(arg);
    if (VALUES.some((name) => flag === `--${name}`)) {
      if (values.has(flag)) throw refused(`${flag} is given twice, and takes one value`);
      values.set(flag, requiredValue(flag, value ?? args[index + 1]));
      if (value === undefined) index += 1;
    } else if (SWITCHES.some((name) => flag === `--${name}`))
      switches.set(flag, switchOf(flag, value));
    else rest.push(arg);
  }
  const globals = {
    disk: values.get("--disk"),
    config: values.get("--config"),
    json: switches.get("--json") === true,
    debug: switches.get("--debug") === true,
    quiet: switches.get("--quiet") === true,
  };
  return { globals, rest };
}

function splitFlag(arg: string): [string, string | undefined] {
  const equals = arg.indexOf("=");
  return equals === -1 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function requiredValue(flag: string, value: string | undefined): string {
  if (value === undefined || value === "" || value.startsWith("--"))
    throw refused(`${flag} needs a value`);
  return value;
}

function switchOf(flag: string, value: string | undefined): boolean {
  const isOn = value === undefined ? true : truthOf(value);
  if (isOn !== undefined) return isOn;
  throw refused(`${flag}=${value} is neither ${flag}=true nor ${flag}=false`);
}

function refused(why: string): TandemError {
  return new TandemError("usage", `Cannot read the arguments: ${why}`);
}

/** The value of a switch such as --reboot=no. undefined: the word means neither yes nor no. */
export function truthOf(word: string): boolean | undefined {
  if (["true", "yes", "on", "1"].includes(word)) return true;
  return ["false", "no", "off", "0"].includes(word) ? false : undefined;
}
