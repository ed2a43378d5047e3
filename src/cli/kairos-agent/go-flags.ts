/** The command-line syntax of Go's package flag, which the original uses: -name, --name, --name=value, --name value. */

/** "switch" takes no value but =true or =false. */
export type FlagKinds = Readonly<Record<string, "switch" | "value">>;

interface Flag {
  readonly name: string;
  /** "true" or "false" for a switch. */
  readonly value: string;
  /** The words on the command line. */
  readonly words: readonly string[];
}

export interface GoFlags {
  readonly flags: readonly Flag[];
  /** From the first word on that is no flag. Nothing after it is a flag. */
  readonly rest: readonly string[];
}

/** A command line that Go's package refuses, with its text. */
export class FlagFault extends Error {}

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Throws a FlagFault. */
export function parseGoFlags(words: readonly string[], kinds: FlagKinds): GoFlags {
  const flags: Flag[] = [];
  let index = 0;
  for (let word = words[index]; word !== undefined; word = words[index]) {
    if (word === "--") return { flags, rest: words.slice(index + 1) };
    if (!/^-./.test(word)) break;
    const flag = parseFlag(word, words[index + 1], kinds);
    flags.push(flag);
    index += flag.words.length;
  }
  return { flags, rest: words.slice(index) };
}

function parseFlag(word: string, next: string | undefined, kinds: FlagKinds): Flag {
  const found = /^--?(?<name>[^-=][^=]*)(?:=(?<value>.*))?$/s.exec(word)?.groups;
  if (found === undefined) throw new FlagFault(`bad flag syntax: ${word}`);
  const { name = "", value } = found;
  const kind = kinds[name];
  if (kind === undefined) throw new FlagFault(`flag provided but not defined: -${name}`);
  if (kind === "switch") return { name, value: truthOf(name, value ?? "true"), words: [word] };
  if (value !== undefined) return { name, value, words: [word] };
  if (next === undefined) throw new FlagFault(`flag needs an argument: -${name}`);
  return { name, value: next, words: [word, next] };
}

function truthOf(name: string, value: string): string {
  if (TRUE.has(value)) return "true";
  if (FALSE.has(value)) return "false";
  throw new FlagFault(`invalid boolean value ${JSON.stringify(value)} for -${name}: parse error`);
}

/** The last value of a flag. */
export function valueOf({ flags }: GoFlags, name: string): string | undefined {
  return flags.findLast((flag) => flag.name === name)?.value;
}

/** Whether one of these switches is on. */
export function isOn(parsed: GoFlags, ...names: readonly string[]): boolean {
  return names.some((name) => valueOf(parsed, name) === "true");
}
