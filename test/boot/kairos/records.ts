/** Boot records of a Kairos machine, as the verbs make them. */
import type { NextRecord } from "../../../src/control/record.ts";
import type { SlotName } from "../../../src/slot/slot.ts";

interface Options {
  readonly tries?: number;
  readonly limit?: number;
  readonly last?: SlotName | undefined;
}

export function settledOn(good: SlotName, { limit = 0, ...more }: Options = {}): NextRecord {
  const last = "last" in more ? more.last : "recovery";
  return { good, trial: undefined, tries: 0, limit, last };
}

/** The other one of active and passive is on trial. */
export function trialOf(trial: SlotName, { tries = 1, ...more }: Options = {}): NextRecord {
  const good = trial === "active" ? "passive" : "active";
  return { ...settledOn(good, more), trial, tries };
}
