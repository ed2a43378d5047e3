import { armTrial, disarm } from "../control/decide.ts";
import { type SlotState, type State, verdictOn, withEvent, withSlot } from "../control/state.ts";
import { TandemError } from "../lib/error.ts";
import { otherSlot, type SlotName } from "../slot/slot.ts";
import { dumpHashes } from "../verdict/dumps.ts";
import { recordFall } from "../verdict/mark.ts";
import { forgetUnfit } from "../machine/forget-unfit.ts";
import { limitedRecordOf, type Machine, note } from "../machine/machine.ts";

export interface RollbackResult {
  /** The slot that boots next. */
  readonly slot: SlotName;
  /**
   * withdrawn: the trial is over, and the good slot boots. again: the count of the good slot starts again. armed:
   * another slot is on trial.
   */
  readonly outcome: "withdrawn" | "again" | "armed";
  readonly tries: number;
}

/**
 * Goes back to another system. Without `to`, a pending or running trial is withdrawn; when there is none, the other
 * slot goes on trial. Only a slot that was written and compared may. Each case has one commit.
 */
export async function rollback(
  machine: Machine,
  tries: number,
  to?: SlotName,
): Promise<RollbackResult> {
  // A trial that the boot loader has given up is no trial any more.
  await recordFall(machine);
  const { good, trial } = limitedRecordOf(machine);
  if (to === good || (to === undefined && trial !== undefined)) return keepGood(machine);
  return tryOther(machine, to ?? otherSlot(good), Math.min(tries, machine.loader.triesMax));
}

/** Withdraws the trial, or resets the count of the good slot. Throws "disk" when the good slot boots next anyway. */
async function keepGood(machine: Machine): Promise<RollbackResult> {
  const record = limitedRecordOf(machine);
  const { good, trial } = record;
  if (trial === undefined && (machine.booted === good || machine.booted === undefined))
    throw new TandemError("disk", `Cannot roll back to slot ${good}: it is the good one already`, {
      hint: "It boots next.",
    });
  const text =
    trial === undefined ? "the boot count of the good slot was reset" : "the trial was withdrawn";
  await note(machine, { kind: "rollback", slot: trial ?? good, text });
  await machine.loader.commit(disarm(record));
  await forgetUnfit(machine);
  return { slot: good, outcome: trial === undefined ? "again" : "withdrawn", tries: 0 };
}

async function tryOther(machine: Machine, slot: SlotName, tries: number): Promise<RollbackResult> {
  const record = limitedRecordOf(machine);
  const { memory, loader, system, staging } = machine;
  if (staging !== undefined && slot === "recovery")
    throw new TandemError("disk", "Cannot roll back to slot recovery: it is there to repair from", {
      hint: "tandem kairos-agent bootentry --select recovery boots it once.",
    });
  const problem = problemOf(machine, slot);
  if (problem !== undefined)
    throw new TandemError("disk", `Cannot roll back to slot ${slot}: ${problem}`, {
      hint: "Upgrade to the image that you want to go back to.",
    });
  // What a killed upgrade has left would look like a new system that has not got its slot yet.
  staging?.stage("active").remove();
  const event = { at: system.now().toISOString(), kind: "rollback", slot } as const;
  const before = staging === undefined ? memory.state : withoutTransition(memory.state);
  const state = withEvent(before, { ...event, text: `${tries} tries` });
  await memory.writeState({ ...state, dumps: dumpHashes(system.files) });
  await loader.commit(armTrial(record, slot, tries));
  return { slot, outcome: "armed", tries };
}

function withoutTransition(state: State): State {
  return withSlot(state, "transition", { status: "empty" });
}

/** Why the slot must not go on trial. Undefined when it may. */
function problemOf(
  { slots, booted, loaderData, memory, loader }: Machine,
  slot: SlotName,
): string | undefined {
  if (slots[slot] === undefined) return "the disk has no such slot";
  if (booted === slot && loaderData.record?.trial === slot) return "it runs, and its trial goes on";
  return problemIn(memory.state.slots[slot]) ?? loader.startProblem(slot);
}

function problemIn(slot: SlotState): string | undefined {
  if (slot.status === "empty") return "it is empty";
  if (slot.status === "writing") return "writing it was never finished";
  if (slot.status === "written" && slot.verifiedAt === undefined) return "it was never read back";
  const verdict = verdictOn(slot);
  if (verdict?.result === "bad") return `it was found bad: ${verdict.reason}`;
  return undefined;
}
