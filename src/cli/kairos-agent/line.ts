import { type FlagKinds, type GoFlags, isOn, parseGoFlags } from "./go-flags.ts";

/** The flags that the original takes before a verb. */
export const GLOBAL_KINDS: FlagKinds = { debug: "switch", "strict-validation": "switch" };

const LINE_KINDS: FlagKinds = {
  ...GLOBAL_KINDS,
  version: "switch",
  v: "switch",
  help: "switch",
  h: "switch",
};

/** The verbs of the original and their short names. */
const VERBS: ReadonlySet<string> = new Set(
  [
    "bootentry config c confext grubedit install i install-bundle interactive-install kcrypt logs",
    "manual-install m notify phone-home print-schema pull-image recovery r render-template reset",
    "run-stage start s state sysext upgrade uuid u validate version versioneer webui w",
  ].flatMap((names) => names.split(" ")),
);

/** A command line of kairos-agent. */
export interface AgentLine {
  /** The words before the verb. */
  readonly globals: readonly string[];
  readonly debug: boolean;
  readonly asksVersion: boolean;
  readonly asksHelp: boolean;
  readonly verb: string | undefined;
  readonly words: readonly string[];
}

/** Throws a FlagFault. */
export function parseLine(args: readonly string[]): AgentLine {
  const parsed: GoFlags = parseGoFlags(args, LINE_KINDS);
  const [verb, ...words] = parsed.rest;
  return {
    globals: parsed.flags.flatMap((flag) => flag.words),
    debug: isOn(parsed, "debug"),
    asksVersion: isOn(parsed, "version", "v"),
    asksHelp: isOn(parsed, "help", "h") || verb === undefined || ["help", "h"].includes(verb),
    verb,
    words,
  };
}

export function isVerb(word: string): boolean {
  return VERBS.has(word);
}
