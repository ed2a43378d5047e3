import { eachSlot, emptyState, type SlotState, type State, withEvent } from "../control/state.ts";
import { isPartitionSlot, type SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import { newerOf } from "../verdict/status.ts";
import { about, type Finding } from "../lib/finding.ts";
import type { ContentsOfSlots } from "./contents.ts";

/** Whether the two copies of the state are whole. */
export function checkState(machine: Machine, contents: ContentsOfSlots): Finding {
  const { ok, warn, bad } = about("state", "disk");
  const { stateProblems } = machine.memory;
  const newer = newerOf(machine.memory);
  if (newer !== undefined)
    return warn(newer, { advice: "Boot the newer system again: its tandem takes over both." });
  const [problem] = stateProblems;
  if (problem === undefined) return ok("both copies are whole");
  if (stateProblems.length === 1)
    return isUnused(problem)
      ? ok("one copy is whole, the other was never written")
      : warn(problem, { advice: "The next change writes this copy again." });
  return bad(`both copies are lost: ${stateProblems.join("; ")}`, {
    advice: "Run tandem doctor --fix: it makes a new state from what is in the slots.",
    repair: {
      what: "make a new state from what is in the slots",
      run: () => machine.memory.writeState(stateFrom(machine, contents)),
    },
  });
}

/** Whether a copy was never written. */
export function isUnused(problem: string): boolean {
  return problem.endsWith("it is empty");
}

/**
 * The state that can be made from the slots alone. Without the lost state their data cannot be verified, so none of them has the status
 * "written". The booted slot runs, which makes it good.
 */
function stateFrom(machine: Machine, contents: ContentsOfSlots): State {
  const at = machine.system.now().toISOString();
  const slotState = (slot: SlotName): SlotState => {
    const reason = "it ran when doctor rebuilt the state";
    if (slot === machine.booted)
      return { status: "unknown", verdict: { result: "good", reason, at } };
    const kind = contents.get(slot)?.kind ?? "blank";
    return { status: kind === "blank" ? "empty" : "unknown" };
  };
  const empty = emptyState();
  const slots = eachSlot((name) =>
    isPartitionSlot(name) || contents.has(name) ? slotState(name) : empty.slots[name],
  );
  const text = "doctor rebuilt the state from what is in the slots";
  return withEvent({ ...empty, slots }, { at, kind: "verify", text });
}
