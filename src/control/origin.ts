import { SLOT_NAMES } from "../slot/slot.ts";
import { type State, verdictOn } from "./state.ts";

/**
 * How far a disk has come, as far as a control partition without a record tells.
 * - blank: nothing was ever written to it but a part of the first state; or it was wiped.
 * - begun: it has a state in which no slot was ever armed, called good or called bad.
 * - used: anything else.
 */
export type Origin = "blank" | "begun" | "used";

/** `first` is where the first state is written: a cut may have left any part of it. */
export function isBlank(
  bytes: Uint8Array,
  first: { readonly start: number; readonly end: number },
): boolean {
  return [bytes.subarray(0, first.start), bytes.subarray(first.end)].every((part) =>
    part.every((byte) => byte === 0),
  );
}

/** An upgrade that has failed is all that may have happened. */
export function neverUsed({ slots, knownBad, history, falls = [] }: State): boolean {
  return (
    SLOT_NAMES.every((name) => verdictOn(slots[name]) === undefined) &&
    knownBad.length + falls.length === 0 &&
    history.every(({ kind }) => kind === "failed")
  );
}
