import { armTrial, disarm } from "../control/decide.ts";
import type { SlotState } from "../control/state.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import { type Machine, note, recordOf } from "./machine.ts";

export interface RollbackResult {
  /** The slot that boots next. */
  readonly slot: SlotName;
  /** "withdrawn": a trial was ended, the good slot boots. "armed": the other slot is tried. */
  readonly outcome: "withdrawn" | "armed";
  readonly tries: number;
}

/**
 * Goes back to the other system. While a trial is pending or running it is withdrawn; otherwise the other slot becomes a trial, if
 * it was written and compared. The same one commit point as an upgrade, without the writing.
 */
export async function rollback(machine: Machine, tries: number): Promise<RollbackResult> {
  const record = recordOf(machine);
  const { loader } = machine;
  if (record.trial !== undefined) {
    await note(machine, { kind: "rollback", slot: record.trial, text: "the trial was withdrawn" });
    await loader.commit(disarm(record));
    return { slot: record.good, outcome: "withdrawn", tries: 0 };
  }
  const slot = otherSlot(machine, record.good);
  await note(machine, { kind: "rollback", slot, text: `${tries} tries` });
  await loader.commit(armTrial(record, slot, tries));
  return { slot, outcome: "armed", tries };
}

/** The other of a and b. Throws `disk` unless it may be booted. */
function otherSlot(machine: Machine, good: SlotName): SlotName {
  const slot = good === "a" ? "b" : "a";
  const held = machine.control.state.slots[slot];
  const problem = problemOf(held, machine.loader.whyNot(slot));
  if (problem === undefined) return slot;
  throw new TandemError("disk", `Cannot roll back to slot ${slot}: ${problem}`, {
    hint: "Upgrade to the image that you want to go back to.",
  });
}

function problemOf(held: SlotState, unstartable: string | undefined): string | undefined {
  if (held.status === "empty") return "it is empty";
  if (held.status === "writing") return "writing it was never finished";
  if (held.status === "written" && held.verifiedAt === undefined) return "it was never read back";
  if (held.verdict?.result === "bad") return `it was found bad: ${held.verdict.reason}`;
  return unstartable;
}
