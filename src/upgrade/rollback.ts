import { armTrial, disarm } from "../control/decide.ts";
import { type SlotState, verdictOn, withEvent } from "../control/state.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import { dumpHashes } from "../verdict/dumps.ts";
import { forgetUnfit } from "../machine/forget-unfit.ts";
import { limitedRecordOf, type Machine, note } from "../machine/machine.ts";

export interface RollbackResult {
  /** The slot that boots next. */
  readonly slot: SlotName;
  /** "withdrawn": a trial was ended, the good slot boots. "again": the good slot gets its boots anew. "armed": another slot is tried. */
  readonly outcome: "withdrawn" | "again" | "armed";
  readonly tries: number;
}

/**
 * Goes back to another system. Without a name: while a trial is pending or running it is withdrawn; otherwise the other slot becomes a
 * trial. What becomes a trial was written and compared. The same one commit point as an upgrade, without the writing.
 */
export async function rollback(
  machine: Machine,
  tries: number,
  to?: SlotName,
): Promise<RollbackResult> {
  const { good, trial } = limitedRecordOf(machine);
  if (to === good || (to === undefined && trial !== undefined)) return keepGood(machine);
  return tryOther(machine, to ?? (good === "a" ? "b" : "a"), tries);
}

/** Throws `disk` when nothing is there to go back from. */
async function keepGood(machine: Machine): Promise<RollbackResult> {
  const record = limitedRecordOf(machine);
  const { good, trial } = record;
  if (trial === undefined && (machine.booted === good || machine.booted === undefined))
    throw new TandemError("disk", `Cannot roll back to slot ${good}: it is the good one already`, {
      hint: "It boots next.",
    });
  const text =
    trial === undefined ? "the good slot gets its boots anew" : "the trial was withdrawn";
  await note(machine, { kind: "rollback", slot: trial ?? good, text });
  await machine.loader.commit(disarm(record));
  await forgetUnfit(machine);
  return { slot: good, outcome: trial === undefined ? "again" : "withdrawn", tries: 0 };
}

async function tryOther(machine: Machine, slot: SlotName, tries: number): Promise<RollbackResult> {
  const record = limitedRecordOf(machine);
  const { memory, loader, system } = machine;
  const problem = problemOf(machine, slot);
  if (problem !== undefined)
    throw new TandemError("disk", `Cannot roll back to slot ${slot}: ${problem}`, {
      hint: "Upgrade to the image that you want to go back to.",
    });
  const event = { at: system.now().toISOString(), kind: "rollback", slot } as const;
  const state = withEvent(memory.state, { ...event, text: `${tries} tries` });
  await memory.writeState({ ...state, dumps: dumpHashes(system.files) });
  await loader.commit(armTrial(record, slot, tries));
  return { slot, outcome: "armed", tries };
}

/** Why the slot may not be booted. */
function problemOf(
  { slots, booted, loaderData, memory, loader }: Machine,
  slot: SlotName,
): string | undefined {
  if (slots[slot] === undefined) return "the disk has no such slot";
  if (booted === slot && loaderData.record?.trial === slot) return "it runs, and its trial goes on";
  return problemIn(memory.state.slots[slot]) ?? loader.startProblem(slot);
}

function problemIn(held: SlotState): string | undefined {
  if (held.status === "empty") return "it is empty";
  if (held.status === "writing") return "writing it was never finished";
  if (held.status === "written" && held.verifiedAt === undefined) return "it was never read back";
  const verdict = verdictOn(held);
  if (verdict?.result === "bad") return `it was found bad: ${verdict.reason}`;
  return undefined;
}
