import { withFailure } from "../control/failing.ts";
import { withVerdict } from "../control/state.ts";
import { whyStay } from "../control/stay.ts";
import {
  type CheckPlan,
  type CheckResult,
  failedOf,
  failureOf,
  runChecks,
} from "../health/checks.ts";
import { expectationChecks } from "../health/expectations.ts";
import { programChecks } from "../health/programs.ts";
import { lastLines } from "../lib/last-lines.ts";
import type { SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import { bootOf, markGood, settleFall } from "./mark.ts";
import type { Work } from "../machine/open-source.ts";
import { slotCheck } from "./slot-check.ts";

export interface HealthResult {
  readonly slot: SlotName;
  readonly healthy: boolean;
  /** The trial that the boot loader gave up on before this boot. */
  readonly fell: SlotName | undefined;
  /** Which required checks failed, in one line. */
  readonly failure: string | undefined;
  /** Why a reboot would not lead anywhere else; undefined: it would, or all is well. */
  readonly stay: string | undefined;
  readonly checks: readonly CheckResult[];
}

/**
 * Gives the verdict on this boot. All required checks passed: the booted slot is good. Otherwise the failure is noted and the boot
 * record left alone: the caller reboots, and the boot loader's count decides. Throws `disk` when this machine does not run from the disk.
 */
export async function health(work: Work, machine: Machine, plan: CheckPlan): Promise<HealthResult> {
  const { system, talk } = work;
  const { slot } = bootOf(machine);
  const fell = await settleFall(machine);
  if (fell !== undefined) talk.info(`The boot loader gave up on slot ${fell} and came back`);
  const checks = await runChecks(
    [
      slotCheck(machine, slot),
      ...expectationChecks(system, plan.expect),
      ...programChecks(system, plan, talk),
    ],
    { system, limits: plan, talk },
  );
  const failure = failureOf(checks);
  if (failure === undefined) {
    await markGood(machine, undefined, reasonFor(checks));
    return { slot, healthy: true, fell, failure, stay: undefined, checks };
  }
  await noteFailure(machine, slot, { failure, output: outputOf(checks) });
  return { slot, healthy: false, fell, failure, stay: stayOf(machine, slot), checks };
}

/** Why a reboot would not lead anywhere else. */
export function stayOf({ loaderData, cmdline }: Machine, slot: SlotName): string | undefined {
  const { gen, left, uncounted } = cmdline;
  return whyStay(loaderData.record, { slot, gen, left, uncounted });
}

function reasonFor(checks: readonly CheckResult[]): string {
  const passed = checks.filter(({ failure }) => failure === undefined).length;
  return `${passed} of ${checks.length} checks passed`;
}

/** What the failed checks printed, each under its name. */
function outputOf(checks: readonly CheckResult[]): string {
  const said = failedOf(checks).filter(({ output }) => output !== "");
  return lastLines(said.map(({ check, output }) => `${check}:\n${output}`).join("\n"));
}

interface Failed {
  readonly failure: string;
  readonly output: string;
}

/** A failure in the good slot does not make it bad: it was good before, and there may be no other. */
export async function noteFailure(
  machine: Machine,
  slot: SlotName,
  { failure, output }: Failed,
): Promise<void> {
  const { loaderData, memory, system } = machine;
  const at = system.now().toISOString();
  const said = output === "" ? {} : { output };
  const noted = withFailure(memory.state, slot, { at, text: failure, ...said });
  const isTrial = loaderData.record?.trial === slot;
  await memory.writeState(
    isTrial ? withVerdict(noted, slot, { result: "bad", reason: failure, at, ...said }) : noted,
  );
}
