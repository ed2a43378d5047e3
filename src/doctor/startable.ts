import { bootableSlots, unfitSlots } from "../control/state.ts";
import type { SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import type { HeldSlots } from "./held.ts";

/** The slots with a system in them that is not known to be broken or bad; the one to prefer comes first. `fallback` does where all else is equal. */
export function startable({ memory }: Machine, held: HeldSlots, fallback?: SlotName): SlotName[] {
  const { state } = memory;
  const unfit = unfitSlots(state);
  const whole = bootableSlots(state);
  /** Recovery is a place to repair from. Of the others what is known to be whole is better, and what was found good last is best. */
  const rank = (slot: SlotName): number[] => [
    Number(slot !== "recovery"),
    Number(whole.includes(slot)),
    state.history.findLastIndex((event) => event.kind === "good" && event.slot === slot),
    Number(slot === fallback),
  ];
  return [...held]
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
