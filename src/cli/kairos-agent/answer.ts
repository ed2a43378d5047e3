import { buildInfo } from "../../lib/build-info.ts";
import {
  type AgentAnswer,
  type AgentMachine,
  type AgentVerb,
  failed,
  INSTALL,
  misused,
  printed,
  STATUS,
} from "./agent-answer.ts";
import { bootEntry } from "./boot-entry.ts";
import { config } from "./config-verb.ts";
import { FlagFault, isOn, parseGoFlags } from "./go-flags.ts";
import { grubEdit } from "./grub-edit.ts";
import { AGENT_HELP } from "./help.ts";
import { type AgentLine, isVerb, parseLine } from "./line.ts";
import { findOriginal } from "../../kairos/original.ts";
import { pullImage } from "./pull-image.ts";
import { state } from "./state.ts";
import { upgrade } from "./upgrade-verb.ts";
import { uuid } from "./uuid.ts";
import { agentVersionFlagText, agentVersionText } from "./version.ts";

/** The verbs that tandem has itself. All others are for the original. */
const OWN: ReadonlyMap<string, AgentVerb> = new Map<string, AgentVerb>([
  ["version", version],
  ["upgrade", upgrade],
  ["state", state],
  ["config", config],
  ["c", config],
  ["uuid", uuid],
  ["u", uuid],
  ["bootentry", bootEntry],
  ["grubedit", grubEdit],
  ["pull-image", pullImage],
]);

/** Answers one command line of kairos-agent. */
export function answerTo(machine: AgentMachine, args: readonly string[]): AgentAnswer {
  const original = findOriginal(machine.system, machine.programs);
  const passed: AgentAnswer | undefined =
    original === undefined
      ? undefined
      : { kind: "run", call: { path: original, name: "kairos-agent", args } };
  try {
    const line = parseLine(args);
    const own = line.asksHelp || line.asksVersion ? undefined : OWN.get(line.verb ?? "");
    return own?.({ ...machine, original }, line) ?? passed ?? answerAlone(line);
  } catch (error) {
    if (!(error instanceof FlagFault)) throw error;
    return passed ?? misused(error.message);
  }
}

function version(_: AgentMachine, { globals, words }: AgentLine): AgentAnswer {
  const parsed = parseGoFlags(words, { long: "switch", l: "switch" });
  const form = { isFirstWord: globals.length === 0, long: isOn(parsed, "long", "l") };
  return printed(agentVersionText(buildInfo(), form));
}

/** The answer to what only the original has, when there is none. */
function answerAlone(line: AgentLine): AgentAnswer {
  const { verb = "" } = line;
  if (line.asksVersion) return printed(agentVersionFlagText(buildInfo()));
  if (line.asksHelp) return printed(AGENT_HELP);
  if (isVerb(verb))
    return failed([
      `Cannot run ${verb}: tandem does not have this part of kairos-agent. ${INSTALL}`,
    ]);
  return {
    kind: "print",
    stdout: "",
    stderr: `No help topic for '${verb}'\n`,
    status: STATUS.unknownVerb,
  };
}
