import { hasVerdictMark } from "../health/verdict-mark.ts";
import { reasonOf } from "../lib/error.ts";
import { type HealthResult, noteFailure, stayOf } from "./health.ts";
import type { Machine } from "../machine/machine.ts";
import { bootOf } from "./mark.ts";
import type { MachineUse } from "../machine/open-machine.ts";
import type { Work } from "../machine/open-source.ts";

/** A run of `tandem health` may wait for the lock as well. Its verdict is the better one, so it goes first. */
const GO_FIRST_SECONDS = 3;

export type OnMachine = <T>(
  options: MachineUse,
  action: (machine: Machine) => T | Promise<T>,
) => Promise<T>;

/**
 * The time for a verdict is over: gives this boot up when it has none. What holds the lock meanwhile, an upgrade above all, is waited for
 * without limit, because the caller's answer to a failure is to reboot the machine. `whileLocked` is called as in withMachine().
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
    // Another run may be about to change what was read. With the lock it is read again.
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

/** Notes that this boot failed, without running checks, unless nothing waits for a verdict on it. */
async function overdue(machine: Machine): Promise<HealthResult> {
  const settled = settledResult(machine);
  if (settled !== undefined) return settled;
  const { slot } = bootOf(machine);
  const failure = "it gave no verdict in time";
  await noteFailure(machine, slot, { failure, output: "" });
  const stay = stayOf(machine, slot);
  return { slot, healthy: false, fell: undefined, failure, stay, checks: [] };
}

/** What is to be said of a boot that was not counted or has its verdict; undefined: it waits for one. */
function settledResult(machine: Machine): HealthResult | undefined {
  if (isOpen(machine)) return undefined;
  const { slot } = bootOf(machine);
  const nothing = { failure: undefined, stay: undefined, checks: [] };
  return { slot, healthy: true, fell: undefined, ...nothing };
}

/** A good verdict on a counted boot makes a new record. So does an upgrade, but only that has a trial after it. */
function isOpen(machine: Machine): boolean {
  const { slot, gen } = bootOf(machine);
  const { record } = machine.loaderData;
  const { counted, uncounted } = machine.cmdline;
  if (record === undefined || !counted || uncounted || hasVerdictMark(machine.system)) return false;
  return record.gen === gen || (slot === record.good && record.trial !== undefined);
}
