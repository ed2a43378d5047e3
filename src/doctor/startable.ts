import { bootableSlots, unfitSlots } from "../control/state.ts";
import type { SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import type { ContentsOfSlots } from "./contents.ts";

/** The slots with a system that is not known to be damaged or bad, the best one first. `fallback` decides when all else is equal. */
export function startable(
  { memory }: Machine,
  contents: ContentsOfSlots,
  fallback?: SlotName,
): SlotName[] {
  const { state } = memory;
  const unfit = unfitSlots(state);
  const whole = bootableSlots(state);
  /** Recovery comes last. Of the others a slot that is known to be whole is better, and the one that was found good last is best. */
  const rank = (slot: SlotName): number[] => [
    Number(slot !== "recovery"),
    Number(whole.includes(slot)),
    state.history.findLastIndex((event) => event.kind === "good" && event.slot === slot),
    Number(slot === fallback),
  ];
  return [...contents]
    .filter(([slot, { kind }]) => kind === "system" && !unfit.includes(slot))
    .map(([slot]) => slot)
    .toSorted((one, other) => compare(rank(other), rank(one)));
}

/** By the first number that differs. */
function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, value] of one.entries()) {
    const difference = value - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
