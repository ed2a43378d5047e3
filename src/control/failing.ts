import type { SlotName } from "../slot/slot.ts";
import { type Event, type State, withEvent } from "./state.ts";

/** What settles whether a slot's checks fail. */
const TELLING: ReadonlySet<Event["kind"]> = new Set([
  "install",
  "written",
  "good",
  "bad",
  "fell",
  "failed",
] as const);

/** The failure that the last checks of a slot ended with; undefined when they passed, or nothing is known of them. */
export function failingOf({ history }: State, slot: SlotName): Event | undefined {
  const last = history.findLast((event) => event.slot === slot && TELLING.has(event.kind));
  // With a digest it is an upgrade that failed.
  return last?.kind === "failed" && last.digest === undefined ? last : undefined;
}

/** Notes that the checks of a slot failed. What they printed is kept for its last failure only. */
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
