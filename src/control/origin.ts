import { SLOT_NAMES } from "../slot/slot.ts";
import { type State, verdictOn } from "./state.ts";

/**
 * What a disk without a boot record was used for.
 * - blank: nothing was written but a part of the first state, or everything was wiped.
 * - begun: the state says that no slot was ever armed, called good or called bad.
 * - used: anything else.
 */
export type Origin = "blank" | "begun" | "used";

/** The parts of LoaderData and Memory that the origin depends on. */
interface Remains {
  readonly loaderData: { readonly isBlank: boolean };
  readonly memory: { readonly hasState: boolean; readonly state: State; readonly isBlank: boolean };
}

export function originOf({ loaderData, memory }: Remains): Origin {
  if (memory.hasState) return neverUsed(memory.state) ? "begun" : "used";
  return loaderData.isBlank && memory.isBlank ? "blank" : "used";
}

/** Whether nothing has happened on the disk but upgrades that have failed. */
export function neverUsed({ slots, knownBad, history, falls = [] }: State): boolean {
  return (
    SLOT_NAMES.every((name) => verdictOn(slots[name]) === undefined) &&
    knownBad.length + falls.length === 0 &&
    history.every(({ kind }) => kind === "failed")
  );
}
