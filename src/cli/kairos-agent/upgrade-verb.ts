import {
  type AgentAnswer,
  type AgentVerb,
  type AskedMachine,
  failed,
  INSTALL,
  misused,
  printed,
} from "./agent-answer.ts";
import { isUnified, readBootState } from "./boot-state.ts";
import { AGENT_HELP } from "./help.ts";
import type { AgentLine } from "./line.ts";
import { listReleases } from "./list-releases.ts";
import type { AskedUpgrade } from "./run-upgrade.ts";
import { argumentsForOriginal, readUpgrade } from "./upgrade.ts";

/** What an image of such a machine has to be made with. */
const TRUSTED_BOOT = [
  'You are running in "trusted boot" mode',
  "Upgrading your OS requires a new image to be built an signed",
  "Read the docs on how to do so: https://kairos.io/docs/upgrade/trustedboot/",
];

const NO_UNIFIED = `Cannot upgrade this machine: it boots unified kernel images, which tandem cannot write. ${INSTALL}`;

/**
 * `upgrade`: on machines that boot with GRUB this is tandem's own. Those with unified kernel images, which tandem cannot
 * write yet, are for the original.
 */
export const upgrade: AgentVerb = (machine, line) => {
  const { system } = machine;
  const bootState = readBootState(system.files);
  const isUki = isUnified(system.files.readText("/proc/cmdline") ?? "");
  const read = readUpgrade(line.words, { bootState, userId: system.userId });
  switch (read.kind) {
    case "refused":
      return failed([...read.notices, read.reason]);
    case "misused":
      return misused(read.reason);
    case "help":
      return passed(machine, line) ?? printed(AGENT_HELP);
    case "list-releases":
      if (!isUki) return listReleases(machine, read.words);
      return printed(TRUSTED_BOOT.map((text) => `${text}\n`).join(""));
    case "request":
      if (isUki) return passed(machine, line) ?? failed([...read.notices, NO_UNIFIED]);
      return ownUpgrade(machine, { ...read, debug: line.debug || read.debug, bootState });
  }
};

function ownUpgrade(machine: AskedMachine, asked: AskedUpgrade): AgentAnswer {
  return {
    kind: "work",
    work: async (around) => {
      const { upgradeWork } = await import("./run-upgrade.ts");
      return upgradeWork(machine, asked)(around);
    },
  };
}

function passed(
  { original }: AskedMachine,
  { globals, words }: AgentLine,
): AgentAnswer | undefined {
  if (original === undefined) return undefined;
  const args = argumentsForOriginal(globals, words);
  return { kind: "run", call: { path: original, name: "kairos-agent", args } };
}
