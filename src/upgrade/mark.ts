import { type Boot, condemn, endTrial, settled, settleGood } from "../control/decide.ts";
import {
  bootableSlots,
  type State,
  withEvent,
  withKnownBad,
  withVerdict,
} from "../control/state.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import { type Machine, recordOf } from "./machine.ts";

export interface MarkResult {
  readonly slot: SlotName;
  readonly verdict: "good" | "bad";
  /** Whether the boot record had to change. */
  readonly committed: boolean;
}

type BootAndFall = Boot & { readonly fell: SlotName | undefined };

/**
 * Keeps the booted slot: it becomes, or stays, the good one. Where both copies of the boot record are lost it writes a new one, since
 * the slot that runs is the one thing that is known to boot.
 */
export async function markGood(
  machine: Machine,
  slot: SlotName | undefined,
  reason: string,
): Promise<MarkResult> {
  const boot = bootOf(machine);
  if (slot !== undefined && slot !== boot.slot)
    throw new TandemError(
      "disk",
      `Cannot mark slot ${slot} good: slot ${boot.slot} is the one that runs`,
      {
        hint: `Run tandem mark good in slot ${slot}, so that it has shown that it boots.`,
      },
    );
  const { control } = machine;
  const state = judged(machine, boot.slot, { result: "good", reason });
  await control.writeState(state);
  const { record } = control;
  const next =
    record === undefined
      ? settled(boot.slot, { limit: 0, bootable: bootableSlots(state) })
      : settleGood(record, boot, bootableSlots(state));
  if (next !== undefined) await machine.loader.commit(next);
  return { slot: boot.slot, verdict: "good", committed: next !== undefined };
}

/** Gives up a slot: a trial of it ends, and if it was the good one the other takes over. Its digest is not tried again. */
export async function markBad(
  machine: Machine,
  named: SlotName | undefined,
  reason: string,
): Promise<MarkResult> {
  const slot = named ?? bootOf(machine).slot;
  const record = recordOf(machine);
  // Decided before anything is written, since it may be refused.
  const next = condemn(record, slot, bootableSlots(machine.control.state));
  await machine.control.writeState(judged(machine, slot, { result: "bad", reason }));
  if (next !== undefined) await machine.loader.commit(next);
  return { slot, verdict: "bad", committed: next !== undefined };
}

/** When the boot loader gave up on a trial: says so in the state and ends the trial. Returns the slot that was given up. */
export async function settleFall(machine: Machine): Promise<SlotName | undefined> {
  const { record } = machine.control;
  if (record === undefined || machine.booted === undefined) return undefined;
  const next = endTrial(record, bootOf(machine), bootableSlots(machine.control.state));
  const { trial } = record;
  if (next === undefined || trial === undefined) return undefined;
  await machine.control.writeState(
    judged(machine, trial, { result: "bad", reason: fallReason(machine, trial) }),
  );
  await machine.loader.commit(next);
  return trial;
}

/** What runs now, as the boot loader started it. Throws `disk` when this machine does not run from the disk. */
export function bootOf({ booted, cmdline, diskPath }: Machine): BootAndFall {
  if (booted === undefined)
    throw new TandemError(
      "disk",
      `Cannot mark the booted slot: this machine does not run from ${diskPath}`,
      {
        hint: "Run it in the slot that is meant.",
      },
    );
  return { slot: booted, gen: cmdline.gen, fell: cmdline.fell };
}

/** A failed check is the better reason: the boot loader only knows that the tries were used up. */
function fallReason(machine: Machine, trial: SlotName): string {
  const { verdict } = writtenOf(machine.control.state, trial);
  const usedUp = "its tries were used up without a good verdict";
  return verdict?.result === "bad" ? `${usedUp}; last: ${verdict.reason}` : usedUp;
}

function judged(
  machine: Machine,
  slot: SlotName,
  { result, reason }: { readonly result: "good" | "bad"; readonly reason: string },
): State {
  const at = machine.system.now().toISOString();
  const before = machine.control.state;
  const { digest } = writtenOf(before, slot);
  const about = digest === undefined ? {} : { digest };
  const after = withVerdict(before, slot, { result, reason, at });
  const noted = withEvent(after, { at, kind: result, slot, text: reason, ...about });
  return result === "bad" && digest !== undefined
    ? withKnownBad(noted, { digest, reason, at })
    : noted;
}

function writtenOf(
  state: State,
  slot: SlotName,
): {
  readonly digest?: string;
  readonly verdict?: { readonly result: "good" | "bad"; readonly reason: string };
} {
  const held = state.slots[slot];
  return held.status === "written" ? held : {};
}
