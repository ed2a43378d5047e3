import { withFailure } from "../control/failing.ts";
import { withVerdict } from "../control/state.ts";
import { whyStay } from "../control/stay.ts";
import {
  type CheckPlan,
  type CheckResult,
  failedOf,
  describeFailures,
  runChecks,
} from "../health/checks.ts";
import { expectationChecks } from "../health/expectations.ts";
import { programChecks } from "../health/programs.ts";
import { lastLines } from "../lib/last-lines.ts";
import type { SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import { bootOf, markGood, reportFall } from "./mark.ts";
import type { Work } from "../machine/open-source.ts";
import { slotCheck } from "./slot-check.ts";

export interface HealthResult {
  readonly slot: SlotName;
  readonly healthy: boolean;
  /** The trial that the boot loader has given up before this boot. */
  readonly fell: SlotName | undefined;
  /** The required checks that have failed, in one line. */
  readonly failure: string | undefined;
  /** Why a reboot would start the same system again. Undefined when it would not, or when the checks have passed. */
  readonly stay: string | undefined;
  readonly checks: readonly CheckResult[];
}

/**
 * Gives the verdict on this boot. When all required checks pass, the booted slot becomes good. Otherwise the failure is
 * written to the state, and the boot record stays: the caller reboots, and the count of the boot loader decides. Throws
 * "disk" when this machine does not run from the disk.
 */
export async function health(work: Work, machine: Machine, plan: CheckPlan): Promise<HealthResult> {
  const { system, talk } = work;
  const { slot } = bootOf(machine);
  const fell = await reportFall(talk, machine);
  const checks = await runChecks(
    [
      slotCheck(machine, slot),
      ...expectationChecks(system, plan.expect),
      ...programChecks(system, plan, talk),
    ],
    { system, limits: plan, talk },
  );
  const failure = describeFailures(checks);
  if (failure === undefined) {
    await markGood(machine, undefined, reasonFor(checks));
    return { slot, healthy: true, fell, failure, stay: undefined, checks };
  }
  await noteFailure(machine, slot, { failure, output: outputOf(checks) });
  return { slot, healthy: false, fell, failure, stay: stayOf(machine, slot), checks };
}

/** Why a reboot would start the same system again. Undefined when it would not. */
export function stayOf({ loaderData, cmdline }: Machine, slot: SlotName): string | undefined {
  const { gen, left, uncounted } = cmdline;
  return whyStay(loaderData.record, { slot, gen, left, uncounted });
}

function reasonFor(checks: readonly CheckResult[]): string {
  const passed = checks.filter(({ failure }) => failure === undefined).length;
  return `${passed} of ${checks.length} checks passed`;
}

/** The output of the failed checks, each under the name of its check. */
function outputOf(checks: readonly CheckResult[]): string {
  const failed = failedOf(checks).filter(({ output }) => output !== "");
  return lastLines(failed.map(({ check, output }) => `${check}:\n${output}`).join("\n"));
}

interface Failed {
  readonly failure: string;
  readonly output: string;
}

/**
 * Writes a failure to the state. It does not make a good slot bad: the slot has booted well, and may be the only one.
 */
export async function noteFailure(
  machine: Machine,
  slot: SlotName,
  { failure, output }: Failed,
): Promise<void> {
  const { loaderData, memory, system } = machine;
  const at = system.now().toISOString();
  const printed = output === "" ? {} : { output };
  const noted = withFailure(memory.state, slot, { at, text: failure, ...printed });
  const isTrial = loaderData.record?.trial === slot;
  await memory.writeState(
    isTrial ? withVerdict(noted, slot, { result: "bad", reason: failure, at, ...printed }) : noted,
  );
}
