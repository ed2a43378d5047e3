import type { SlotName } from "../slot/slot.ts";
import { type Event, type State, withEvent } from "./state.ts";

/** The kinds of events after which it is known whether the checks of a slot pass. */
const DECIDING: ReadonlySet<Event["kind"]> = new Set([
  "install",
  "written",
  "good",
  "bad",
  "fell",
  "failed",
] as const);

/**
 * The event of the failure, when the last checks of a slot have failed. Undefined when they have passed, or none are
 * known.
 */
export function failingOf({ history }: State, slot: SlotName): Event | undefined {
  const last = history.findLast((event) => event.slot === slot && DECIDING.has(event.kind));
  // An event with a digest is a failed upgrade.
  return last?.kind === "failed" && last.digest === undefined ? last : undefined;
}

/** Adds the failure of a slot's checks. Their output is kept for the last failure of each slot only. */
export function withFailure(
  state: State,
  slot: SlotName,
  failure: Pick<Event, "at" | "text" | "output">,
): State {
  const history = state.history.map(({ output, ...event }) =>
    output === undefined || event.slot === slot ? event : { ...event, output },
  );
  return withEvent({ ...state, history }, { kind: "failed", slot, ...failure });
}
