/**
 * The state of a layout with image files. Files change their names when a new system takes its slot, and other tools
 * write files, too. So what is known of a slot belongs to the file system with a certain UUID, not to a name.
 */
import { IMAGE_SLOTS, type SlotName } from "../slot/slot.ts";
import type { SlotState, State } from "./state.ts";

/** The UUID of the file system in each slot that has one. */
export type SlotUuids = Readonly<Partial<Record<SlotName, string>>>;

/**
 * The state after each slot has got what is known of its file system. A slot whose file system nothing is known of is
 * unknown, and one without a file is empty. An upgrade that was interrupted keeps its note.
 */
export function followFiles(state: State, uuids: SlotUuids): State {
  const known = new Map<string, SlotState>();
  for (const name of IMAGE_SLOTS) {
    const uuid = uuidIn(state.slots[name]);
    if (uuid !== undefined) known.set(uuid, state.slots[name]);
  }
  const slotOf = (name: SlotName): SlotState => {
    const before = state.slots[name];
    if (before.status === "writing" && name === "transition") return before;
    const uuid = uuids[name];
    if (uuid === undefined) return { status: "empty" };
    // Two slots have the same file system after a reset, which copies a file.
    if (uuidIn(before) === uuid) return before;
    return known.get(uuid) ?? adopted(before, uuid);
  };
  const [active, passive] = [slotOf("active"), slotOf("passive")];
  const [recovery, transition] = [slotOf("recovery"), slotOf("transition")];
  return { ...state, slots: { ...state.slots, active, passive, recovery, transition } };
}

/** What is known of a file system that another tool has made: nothing, unless it had no UUID in the state so far. */
function adopted(before: SlotState, uuid: string): SlotState {
  const isFirst = before.status === "unknown" && before.uuid === undefined;
  return isFirst ? { ...before, uuid } : { status: "unknown", uuid };
}

function uuidIn(slot: SlotState): string | undefined {
  switch (slot.status) {
    case "empty":
    case "writing":
    case "other":
      return undefined;
    case "unknown":
    case "written":
      return slot.uuid;
  }
}
