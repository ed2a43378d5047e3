import { hasVerdictMark } from "../health/verdict-mark.ts";
import { reasonOf } from "../lib/error.ts";
import { type HealthResult, noteFailure, stayOf } from "./health.ts";
import type { Machine } from "../machine/machine.ts";
import { bootOf } from "./mark.ts";
import type { MachineUse } from "../machine/with-machine.ts";
import type { Work } from "../machine/open-source.ts";

/**
 * A run of `tandem health` may wait for the lock, too. That run gets the lock first, because its verdict comes from
 * checks.
 */
const GO_FIRST_SECONDS = 3;

export type OnMachine = <T>(
  options: MachineUse,
  action: (machine: Machine) => T | Promise<T>,
) => Promise<T>;

/**
 * Gives this boot up when it has no verdict within `overdueSeconds`. Waits for the lock without limit: an upgrade may
 * have it, and after a failure the caller reboots the machine. `whileLocked` is called as in withMachine().
 */
export async function giveUpOverdue(
  { system, talk, signal }: Work,
  on: OnMachine,
  whileLocked: () => void,
): Promise<HealthResult> {
  try {
    const settled = await on({ lock: false }, settledResult);
    if (settled !== undefined) return settled;
  } catch (error) {
    // Another run may have changed the disk during the look. The look with the lock decides.
    talk.debug(`Cannot see without the lock whether there is a verdict: ${reasonOf(error)}`);
  }
  for (;;) {
    let waited = false;
    const wait = (): void => {
      waited = true;
      whileLocked();
    };
    const result = await on({ lock: true, whileLocked: wait }, (machine) =>
      waited ? settledResult(machine) : overdue(machine),
    );
    if (result !== undefined) return result;
    await system.probe.pause(GO_FIRST_SECONDS, signal);
  }
}

/** Writes the failure of this boot to the state, without running checks, unless the boot needs no verdict. */
async function overdue(machine: Machine): Promise<HealthResult> {
  const settled = settledResult(machine);
  if (settled !== undefined) return settled;
  const { slot } = bootOf(machine);
  const failure = "it gave no verdict in time";
  await noteFailure(machine, slot, { failure, output: "" });
  const stay = stayOf(machine, slot);
  return { slot, healthy: false, fell: undefined, failure, stay, checks: [] };
}

/** The result of a boot that was not counted or has its verdict. Undefined when the boot waits for a verdict. */
function settledResult(machine: Machine): HealthResult | undefined {
  if (needsVerdict(machine)) return undefined;
  const { slot } = bootOf(machine);
  const nothing = { failure: undefined, stay: undefined, checks: [] };
  return { slot, healthy: true, fell: undefined, ...nothing };
}

/**
 * Whether a counted boot has no verdict yet. A good verdict and an upgrade both commit a record; only after an upgrade
 * it has a trial.
 */
function needsVerdict(machine: Machine): boolean {
  const { slot, gen } = bootOf(machine);
  const { record } = machine.loaderData;
  const { counted, uncounted } = machine.cmdline;
  if (record === undefined || !counted || uncounted || hasVerdictMark(machine.system)) return false;
  return record.gen === gen || (slot === record.good && record.trial !== undefined);
}
