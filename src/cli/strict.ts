import { parseArgs } from "node:util";
import type { ArgsDef } from "citty";
import { reasonOf, TandemError } from "../lib/error.ts";
import { truthOf } from "./globals.ts";
import { WHOLE_SEPARATOR } from "./values.ts";

/** Flags that may be repeated: all values count. Each with what joins its values. */
const REPEATED: ReadonlyMap<string, string> = new Map([
  ["exclude", WHOLE_SEPARATOR],
  ["insecure-registry", ","],
]);
/** Flags with a path, which "" is not. */
const PATHS = new Set(["root"]);

/**
 * Refuses arguments that the verb does not know: citty ignores unknown flags and surplus words. Joins the values of a
 * repeated flag, since citty keeps only the last one.
 */
export function strictArguments(verb: string, args: readonly string[], known: ArgsDef): string[] {
  const flags = Object.entries(known).filter(([, { type }]) => type !== "positional");
  const positionals = Object.entries(known).filter(([, { type }]) => type === "positional");
  const options = Object.fromEntries(
    flags.map(([name, { type }]) => [
      name,
      type === "boolean"
        ? { type: "boolean" as const }
        : { type: "string" as const, multiple: true },
    ]),
  );
  const switches = flags.filter(([, { type }]) => type === "boolean").map(([name]) => name);
  const parsed = parse(verb, plainSwitches(verb, args, switches), options);
  const surplus = parsed.positionals[positionals.length];
  if (surplus !== undefined) throw usage(verb, `"${surplus}" is one word too many`);
  const needed = positionals.filter(([, { required }]) => required !== false);
  if (parsed.positionals.length < needed.length)
    throw missingWords(verb, needed.slice(parsed.positionals.length));
  const missing = flags.find(
    ([name, { required }]) => required && parsed.values[name] === undefined,
  );
  if (missing !== undefined) throw usage(verb, `--${missing[0]} is missing`);
  const twice = Object.entries(parsed.values).find(
    ([name, value]) => Array.isArray(value) && value.length > 1 && !REPEATED.has(name),
  );
  if (twice !== undefined) throw usage(verb, `--${twice[0]} is given twice, and takes one value`);
  const empty = Object.entries(parsed.values).find(
    ([name, value]) => PATHS.has(name) && Array.isArray(value) && value.includes(""),
  );
  if (empty !== undefined) throw usage(verb, `--${empty[0]} needs a value`);
  const joined = Object.entries(parsed.values).flatMap(([name, value]) => {
    if (typeof value === "boolean") return value ? [`--${name}`] : [];
    return [`--${name}=${[value].flat().join(REPEATED.get(name))}`];
  });
  return [...joined, "--", ...parsed.positionals];
}

/** Changes "--reboot=no" to "--no-reboot", which the parser knows. */
function plainSwitches(
  verb: string,
  args: readonly string[],
  switches: readonly string[],
): readonly string[] {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  return args.map((arg, index) => {
    const [, name = "", word = ""] = /^--([^=]+)=(.*)$/s.exec(arg) ?? [];
    if (index >= end || !switches.includes(name)) return arg;
    const isOn = truthOf(word);
    if (isOn === undefined)
      throw usage(verb, `--${name}=${word} is neither --${name}=true nor --${name}=false`);
    return isOn ? `--${name}` : `--no-${name}`;
  });
}

interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

function parse(
  verb: string,
  args: readonly string[],
  options: NonNullable<Parameters<typeof parseArgs>[0]>["options"] & {},
): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowNegative: true,
      allowPositionals: true,
    });
    return { values, positionals };
  } catch (cause) {
    throw usage(verb, (reasonOf(cause).split(/\.\s/)[0] ?? "").replaceAll("'", '"'));
  }
}

function missingWords(verb: string, words: readonly [string, ArgsDef[string]][]): TandemError {
  const names = words.map(([name]) => name.toUpperCase()).join(" and ");
  const description = words[0]?.[1].description ?? "";
  const wanted = `${description.charAt(0).toLowerCase()}${description.slice(1)}`;
  const one = wanted === "" ? "is missing" : `is missing (${wanted})`;
  const why = `${names} ${words.length === 1 ? one : "are missing"}`;
  return new TandemError("usage", `Cannot run tandem ${verb}: ${why}`, { hint: helpHint(verb) });
}

function usage(verb: string, why: string): TandemError {
  return new TandemError("usage", `Cannot read the arguments of ${verb}: ${why}`, {
    hint: helpHint(verb),
  });
}

function helpHint(verb: string): string {
  return `See tandem ${verb} --help.`;
}
