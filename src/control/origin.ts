import { SLOT_NAMES } from "../slot/slot.ts";
import { type State, verdictOn } from "./state.ts";

/**
 * How far a disk has come, as far as it tells without a boot record.
 * - blank: nothing was ever written but a part of the first state; or all of it was wiped.
 * - begun: there is a state in which no slot was ever armed, called good or called bad.
 * - used: anything else.
 */
export type Origin = "blank" | "begun" | "used";

/** What the answer depends on: LoaderData and Memory. */
interface Remains {
  readonly loaderData: { readonly isBlank: boolean };
  readonly memory: { readonly hasState: boolean; readonly state: State; readonly isBlank: boolean };
}

export function originOf({ loaderData, memory }: Remains): Origin {
  if (memory.hasState) return neverUsed(memory.state) ? "begun" : "used";
  return loaderData.isBlank && memory.isBlank ? "blank" : "used";
}

/** An upgrade that has failed is all that may have happened. */
export function neverUsed({ slots, knownBad, history, falls = [] }: State): boolean {
  return (
    SLOT_NAMES.every((name) => verdictOn(slots[name]) === undefined) &&
    knownBad.length + falls.length === 0 &&
    history.every(({ kind }) => kind === "failed")
  );
}
