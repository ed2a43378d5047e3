import { type CheckPlan, type CheckResult, failureOf, runChecks } from "../health/checks.ts";
import { withEvent, withVerdict } from "../control/state.ts";
import type { SlotName } from "../slot/slot.ts";
import { type Machine } from "./machine.ts";
import { bootOf, markGood, settleFall } from "./mark.ts";
import type { Work } from "./open-source.ts";

export interface HealthResult {
  readonly slot: SlotName;
  readonly healthy: boolean;
  /** The trial that the boot loader gave up on before this boot. */
  readonly fell: SlotName | undefined;
  /** Which required checks failed, in one line. */
  readonly failure: string | undefined;
  readonly checks: readonly CheckResult[];
}

/**
 * Gives the verdict on this boot. All required checks passed: the booted slot is good. Otherwise the failure is noted and the boot
 * record left alone: the caller reboots, and the boot loader's count decides. Throws `disk` when this machine does not run from the disk.
 */
export async function health(work: Work, machine: Machine, plan: CheckPlan): Promise<HealthResult> {
  const { slot } = bootOf(machine);
  const fell = await settleFall(machine);
  if (fell !== undefined) work.talk.info(`The boot loader gave up on slot ${fell} and came back`);
  const checks = await runChecks(work.system, plan, work.talk);
  const failure = failureOf(checks);
  if (failure === undefined) await markGood(machine, undefined, reasonFor(checks));
  else await noteFailure(machine, slot, failure);
  return { slot, healthy: failure === undefined, fell, failure, checks };
}

function reasonFor(checks: readonly CheckResult[]): string {
  const passed = checks.filter(({ failure }) => failure === undefined).length;
  return checks.length === 0
    ? "it came up; there are no checks"
    : `${passed} of ${checks.length} checks passed`;
}

/** A failure in the good slot does not make it bad: it was good before, and there may be no other. */
async function noteFailure(machine: Machine, slot: SlotName, failure: string): Promise<void> {
  const { control, system } = machine;
  const at = system.now().toISOString();
  const noted = withEvent(machine.control.state, {
    at,
    kind: "failed",
    slot,
    text: failure,
  });
  const isTrial = control.record?.trial === slot;
  await control.writeState(
    isTrial ? withVerdict(noted, slot, { result: "bad", reason: failure, at }) : noted,
  );
}
