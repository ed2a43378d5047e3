import {
  type Boot,
  condemn,
  endTrial,
  passedOver,
  settled,
  settleGood,
} from "../control/decide.ts";
import { failingOf } from "../control/failing.ts";
import type { BootRecord } from "../control/record.ts";
import {
  type Fall,
  type State,
  verdictOn,
  withEvent,
  withFall,
  withKnownBad,
  withVerdict,
} from "../control/state.ts";
import { TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import type { SlotName } from "../slot/slot.ts";
import { causeOfGood, causeOfTrial, fallOf, isRecorded } from "./fall.ts";
import { forgetUnfit } from "../machine/forget-unfit.ts";
import { type Machine, policyOf, recordOf } from "../machine/machine.ts";

export interface MarkResult {
  readonly slot: SlotName;
  readonly verdict: "good" | "bad";
  /** Whether the boot record had to change. */
  readonly committed: boolean;
}

/**
 * Makes the booted slot the good one. When both copies of the boot record are lost, writes a new record: the running
 * slot is the only one that is known to boot.
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
  // The next commit ends what the boot loader reports of this boot.
  await recordFall(machine);
  const { loaderData, memory } = machine;
  const { record } = loaderData;
  // Each boot of a good slot comes here. Repeated events would push older ones out of the history.
  const failed = failingOf(memory.state, boot.slot) !== undefined;
  if (failed || verdictOn(memory.state.slots[boot.slot])?.result !== "good")
    await memory.writeState(judged(machine, boot.slot, { result: "good", reason }));
  const policy = policyOf(machine);
  const next = record === undefined ? settled(boot.slot, policy) : settleGood(record, boot, policy);
  if (next !== undefined) await machine.loader.commit(next);
  await forgetUnfit(machine);
  return { slot: boot.slot, verdict: "good", committed: next !== undefined };
}

/** Gives a slot up: its trial ends, or the other slot becomes good. An upgrade refuses its digest from now on. */
export async function markBad(
  machine: Machine,
  named: SlotName | undefined,
  reason: string,
): Promise<MarkResult> {
  const slot = named ?? bootOf(machine).slot;
  const record = recordOf(machine);
  // Decide before anything is written: condemn() may throw.
  const next = condemn(record, slot, policyOf(machine));
  const fall = fallOf(machine, slot, { stage: "hand", reason });
  await machine.memory.writeState(withFall(judged(machine, slot, { result: "bad", reason }), fall));
  if (next !== undefined) await machine.loader.commit(next);
  await forgetUnfit(machine);
  return { slot, verdict: "bad", committed: next !== undefined };
}

/** Makes the running trial good when something other than a hook of tandem has confirmed its boot. */
export async function settleConfirmed(talk: Talk, machine: Machine): Promise<void> {
  const how = machine.loader.confirmation?.();
  if (how === undefined) return;
  const { slot } = await markGood(machine, undefined, how);
  talk.info(`Slot ${slot} is good: ${how}`);
}

/** Records what the boot loader has given up before this boot, and tells the user about a trial. Returns that trial. */
export async function reportFall(talk: Talk, machine: Machine): Promise<SlotName | undefined> {
  const fell = await recordFall(machine);
  if (fell !== undefined) talk.info(`The boot loader gave up on slot ${fell} and came back`);
  return fell;
}

/** What recordFall() would record of a trial. Undefined when the boot loader has given up none. **Writes nothing.** */
export function unrecordedFall(machine: Machine): Pick<Fall, "digest" | "reason"> | undefined {
  const { record } = machine.loaderData;
  if (record?.trial === undefined || machine.booted === undefined) return undefined;
  if (endTrial(record, bootOf(machine), policyOf(machine)) === undefined) return undefined;
  return fallOf(machine, record.trial, causeOfTrial(machine, record.trial));
}

/**
 * Records what the boot loader has given up before this boot. A trial ends. A good slot stays in the boot record until
 * another slot has passed its checks. Returns the trial that was given up.
 */
export async function recordFall(machine: Machine): Promise<SlotName | undefined> {
  const { loaderData, memory } = machine;
  const { record } = loaderData;
  if (record === undefined || machine.booted === undefined) return undefined;
  const boot = bootOf(machine);
  const next = endTrial(record, boot, policyOf(machine));
  const trial = next === undefined ? undefined : record.trial;
  if (trial !== undefined && !isRecorded(machine, trial))
    await memory.writeState(withTrialFall(machine, trial));
  const hasGivenUpGood = passedOver(record, boot) !== undefined;
  if (hasGivenUpGood) await recordGoodFall(machine, record);
  // A commit would reset the count of the good slot, which the loader has just given up.
  else if (next !== undefined) await machine.loader.commit(next);
  await forgetUnfit(machine);
  return trial;
}

function withTrialFall(machine: Machine, trial: SlotName): State {
  const cause = causeOfTrial(machine, trial);
  const fall = fallOf(machine, trial, cause);
  return withFall(judged(machine, trial, { result: "bad", reason: cause.reason }), fall);
}

/** An upgrade does not refuse the digest afterwards, because the image has passed its checks once. */
async function recordGoodFall(machine: Machine, record: BootRecord): Promise<void> {
  const { memory } = machine;
  const { good } = record;
  if (isRecorded(machine, good)) return;
  const fall = fallOf(machine, good, causeOfGood(machine, record));
  const { at, reason } = fall;
  const fallen = withVerdict(memory.state, good, { result: "bad", reason, at });
  const event = { at, kind: "fell", slot: good, text: reason } as const;
  await memory.writeState(withFall(withEvent(fallen, event), fall));
}

/** How the running slot was started. Throws "disk" when this machine does not run from the disk. */
export function bootOf({ booted, cmdline, diskPath }: Machine): Boot {
  if (booted === undefined)
    throw new TandemError(
      "disk",
      `Cannot mark the booted slot: this machine does not run from ${diskPath}`,
      {
        hint: "Run it in the slot that is meant.",
      },
    );
  const { gen, fell, gaveUp } = cmdline;
  return { slot: booted, gen, fell, gaveUp: gaveUp?.slot };
}

/** The state after a verdict, with an event. A bad verdict makes the digest known as bad. */
function judged(
  machine: Machine,
  slot: SlotName,
  { result, reason }: { readonly result: "good" | "bad"; readonly reason: string },
): State {
  const at = machine.system.now().toISOString();
  const before = machine.memory.state;
  const slotState = before.slots[slot];
  const digest = slotState.status === "written" ? slotState.digest : undefined;
  const about = digest === undefined ? {} : { digest };
  const after = withVerdict(before, slot, { result, reason, at });
  const noted = withEvent(after, { at, kind: result, slot, text: reason, ...about });
  return result === "bad" && digest !== undefined
    ? withKnownBad(noted, { digest, reason, at })
    : noted;
}
