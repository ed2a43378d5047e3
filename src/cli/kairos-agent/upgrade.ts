import type { BootState } from "./boot-state.ts";
import {
  FlagFault,
  isOn,
  parseGoFlags,
  valueOf,
  type FlagKinds,
  type GoFlags,
} from "./go-flags.ts";
import { GLOBAL_KINDS } from "./line.ts";

/** What a command line of `upgrade` asks for. */
export interface AgentUpgradeRequest {
  /** Undefined when the command line names none. */
  readonly source: string | undefined;
  /** "recovery", or the entry of --boot-entry. Undefined for the active system. */
  readonly entry: string | undefined;
  readonly excludedPaths: readonly string[];
  readonly allowInsecureRegistries: boolean;
}

export interface AgentFacts {
  readonly bootState: BootState;
  readonly userId: number;
}

/** `notices` are lines to print before the rest. */
export type UpgradeLine =
  | {
      readonly kind: "request";
      readonly request: AgentUpgradeRequest;
      readonly debug: boolean;
      readonly notices: readonly string[];
    }
  | { readonly kind: "refused"; readonly reason: string; readonly notices: readonly string[] }
  | { readonly kind: "misused"; readonly reason: string }
  | { readonly kind: "help" }
  | { readonly kind: "list-releases"; readonly words: readonly string[] };

const KINDS: FlagKinds = {
  image: "value",
  source: "value",
  "boot-entry": "value",
  "exclude-path": "value",
  recovery: "switch",
  "allow-insecure-registries": "switch",
  help: "switch",
  h: "switch",
  // The original takes these two only before the verb. Its documentation has --debug after it.
  ...GLOBAL_KINDS,
};

const POSITIONAL_NOTICES = [
  "Warning: Passing a version as a positional argument is deprecated. Use --source flag instead.",
  "The value will be used as a value for the --source flag",
];
const IMAGE_NOTICE = "--image flag is deprecated, please use --source";

/** Reads the words after `upgrade` in the way, with the order of checks and with the texts of the original. */
export function readUpgrade(words: readonly string[], facts: AgentFacts): UpgradeLine {
  const parsed = parse(words);
  if (parsed instanceof FlagFault) return { kind: "misused", reason: parsed.message };
  if (isOn(parsed, "help", "h")) return { kind: "help" };
  const reason = refusalOf(valueOf(parsed, "source") ?? "", facts);
  if (reason !== undefined) return { kind: "refused", reason, notices: [] };
  const [first = "", ...more] = parsed.rest;
  if (first === "list-releases") return { kind: "list-releases", words: more };
  if (["help", "h"].includes(first)) return { kind: "help" };
  return accept(parsed);
}

function parse(words: readonly string[]): GoFlags | FlagFault {
  try {
    return parseGoFlags(words, KINDS);
  } catch (error) {
    if (error instanceof FlagFault) return error;
    throw error;
  }
}

function refusalOf(source: string, { bootState, userId }: AgentFacts): string | undefined {
  // The original ends this text with a space.
  if (source !== "" && !/^(?:oci|dir|file|ocifile):/.test(source))
    return `source ${source} does not match any of oci:, dir:, file: or ocifile: `;
  if (bootState === "livecd_boot" || bootState === "unknown")
    return "cannot upgrade from live media/unknown boot state";
  return userId === 0 ? undefined : "this command requires root privileges";
}

function accept(parsed: GoFlags): UpgradeLine {
  const { source, notices } = chooseSource(parsed);
  const bootEntry = valueOf(parsed, "boot-entry") ?? "";
  const isRecovery = isOn(parsed, "recovery");
  if (isRecovery && bootEntry !== "") {
    const reason = "only one of '--recovery' and '--boot-entry' can be set";
    return { kind: "refused", reason, notices };
  }
  const entry = isRecovery ? "recovery" : bootEntry;
  const request: AgentUpgradeRequest = {
    source: source === "" ? undefined : source,
    entry: entry === "" ? undefined : entry,
    excludedPaths: excludedBy(parsed),
    allowInsecureRegistries: isOn(parsed, "allow-insecure-registries"),
  };
  return { kind: "request", request, debug: isOn(parsed, "debug"), notices };
}

/** A word without a flag counts least, --image most. More than one such word counts as none. */
function chooseSource(parsed: GoFlags): { readonly source: string; readonly notices: string[] } {
  const [word = "", ...more] = parsed.rest;
  const isPositional = parsed.rest.length > 0 && more.length === 0;
  const image = valueOf(parsed, "image") ?? "";
  const named = valueOf(parsed, "source") || (isPositional ? word : "");
  return {
    source: image === "" ? named : `oci:${image}`,
    notices: [...(isPositional ? POSITIONAL_NOTICES : []), ...(image === "" ? [] : [IMAGE_NOTICE])],
  };
}

/** The flag may be repeated, and its value may be a list with commas. */
function excludedBy({ flags }: GoFlags): string[] {
  return flags
    .filter(({ name }) => name === "exclude-path")
    .flatMap(({ value }) => value.split(",").map((path) => path.trim()));
}

/** What the original says when neither the command line nor the configuration names a source. */
export function noSourceText({ entry }: Pick<AgentUpgradeRequest, "entry">): string {
  const [what, key] =
    entry === "recovery" ? ["recovery upgrade", "recovery-system"] : ["upgrade", "system"];
  return [
    `sanitizing the upgrade spec: could not find a proper source for the ${what}.`,
    `This can be configured in the cloud config files under the 'upgrade.${key}.uri' key or via cmdline using the '--source' flag`,
  ].join("\n");
}

/** The arguments for the original, which takes the global flags only before the verb. */
export function argumentsForOriginal(
  globals: readonly string[],
  words: readonly string[],
): readonly string[] {
  const parsed = parse(words);
  if (parsed instanceof FlagFault) return [...globals, "upgrade", ...words];
  const moved = parsed.flags.filter(({ name }) => isGlobal(name));
  const own = parsed.flags.filter(({ name }) => !isGlobal(name));
  const count = parsed.flags.reduce((sum, flag) => sum + flag.words.length, 0);
  return [
    ...globals,
    ...moved.flatMap((flag) => flag.words),
    "upgrade",
    ...own.flatMap((flag) => flag.words),
    ...words.slice(count),
  ];
}

function isGlobal(name: string): boolean {
  return Object.hasOwn(GLOBAL_KINDS, name);
}
