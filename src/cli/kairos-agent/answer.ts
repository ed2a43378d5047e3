import { buildInfo } from "../../lib/build-info.ts";
import type { Call, Programs } from "../../system/programs.ts";
import type { System } from "../../system/system.ts";
import { readBootState } from "./boot-state.ts";
import { FlagFault, isOn, parseGoFlags } from "./go-flags.ts";
import { AGENT_HELP } from "./help.ts";
import { type AgentLine, isVerb, parseLine } from "./line.ts";
import { findOriginal } from "./original.ts";
import { STATE_KEYS, stateValue } from "./state.ts";
import { argumentsForOriginal, noSourceText, readUpgrade } from "./upgrade.ts";
import { agentVersionFlagText, agentVersionText } from "./version.ts";

/** What a command line leads to: a text and an exit status, or the original in the place of this process. */
export type AgentAnswer =
  | {
      readonly kind: "print";
      readonly stdout: string;
      readonly stderr: string;
      readonly status: number;
    }
  | { readonly kind: "run"; readonly call: Call };

/** The machine as far as kairos-agent needs it. */
export interface AgentMachine {
  readonly system: Pick<System, "files" | "readLink" | "isExecutable" | "userId">;
  readonly programs: Pick<Programs, "isSelf">;
}

/** The status of the original for each error, and for an unknown verb. */
const STATUS = { error: 1, unknownVerb: 3 } as const;
const INSTALL =
  "Install Kairos' own program as /usr/bin/kairos or /usr/bin/kairos-agent beside tandem.";

/** Answers one command line of kairos-agent. Changes nothing. */
export function answerTo(machine: AgentMachine, args: readonly string[]): AgentAnswer {
  const path = findOriginal(machine.system, machine.programs);
  const original = (words: readonly string[]): AgentAnswer | undefined =>
    path === undefined
      ? undefined
      : { kind: "run", call: { path, name: "kairos-agent", args: words } };
  try {
    const line = parseLine(args);
    if (line.verb === "version") return versionAnswer(line);
    if (line.verb === "upgrade") return upgradeAnswer(machine, line, original);
    return original(args) ?? ownAnswer(machine, line);
  } catch (error) {
    if (!(error instanceof FlagFault)) throw error;
    return original(args) ?? misused(error.message);
  }
}

function versionAnswer({ globals, words }: AgentLine): AgentAnswer {
  const parsed = parseGoFlags(words, { long: "switch", l: "switch" });
  const form = { isFirstWord: globals.length === 0, long: isOn(parsed, "long", "l") };
  return printed(agentVersionText(buildInfo(), form));
}

function upgradeAnswer(
  { system }: AgentMachine,
  { globals, words }: AgentLine,
  original: (words: readonly string[]) => AgentAnswer | undefined,
): AgentAnswer {
  const line = readUpgrade(words, {
    bootState: readBootState(system.files),
    userId: system.userId,
  });
  if (line.kind === "refused") return failed([...line.notices, line.reason]);
  const passed = original(argumentsForOriginal(globals, words));
  if (passed !== undefined) return passed;
  switch (line.kind) {
    case "misused":
      return misused(line.reason);
    case "help":
      return printed(AGENT_HELP);
    case "subcommand":
      return failed([`Cannot run upgrade ${words.at(-1)}: tandem does not have it. ${INSTALL}`]);
    case "request": {
      const reason =
        line.request.source === undefined
          ? noSourceText(line.request)
          : `Cannot upgrade this machine: this version of tandem cannot upgrade a Kairos layout yet. ${INSTALL}`;
      return failed([...line.notices, reason]);
    }
  }
}

/** The answer when there is no original. */
function ownAnswer({ system }: AgentMachine, line: AgentLine): AgentAnswer {
  const { verb = "", words } = line;
  if (line.asksVersion) return printed(agentVersionFlagText(buildInfo()));
  if (line.asksHelp) return printed(AGENT_HELP);
  if (!isVerb(verb))
    return {
      kind: "print",
      stdout: "",
      stderr: `No help topic for '${verb}'\n`,
      status: STATUS.unknownVerb,
    };
  const [subcommand = "", key = ""] = words;
  if (verb !== "state" || !["get", "g"].includes(subcommand))
    return failed([
      `Cannot run ${verb}: tandem does not have this verb of kairos-agent. ${INSTALL}`,
    ]);
  if (key === "") return failed([`state get needs a KEY: ${STATE_KEYS.join(", ")}`]);
  const value = stateValue(system, key);
  return value === undefined
    ? failed([`Cannot tell "${key}" of the state: tandem does not know it. ${INSTALL}`])
    : printed(value);
}

function printed(stdout: string): AgentAnswer {
  return { kind: "print", stdout, stderr: "", status: 0 };
}

/** The original prints errors on stdout, too. */
function failed(lines: readonly string[]): AgentAnswer {
  return { kind: "print", stdout: `${lines.join("\n")}\n`, stderr: "", status: STATUS.error };
}

function misused(reason: string): AgentAnswer {
  return failed([`Incorrect Usage: ${reason}`, "", reason]);
}
