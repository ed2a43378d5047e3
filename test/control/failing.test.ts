import { expect, test } from "bun:test";
import { failingOf, withFailure } from "../../src/control/failing.ts";
import { emptyState, type NewEvent, type State, withEvent } from "../../src/control/state.ts";

const at = new Date(0).toISOString();

function stateWith(events: readonly Omit<NewEvent, "at" | "text">[]): State {
  let state = emptyState();
  for (const event of events) state = withEvent(state, { at, text: event.kind, ...event });
  return state;
}

const FAILED = { kind: "failed", slot: "a" } as const;

test.each<[string, readonly Omit<NewEvent, "at" | "text">[], boolean]>([
  ["nothing", [], false],
  ["a failure", [FAILED], true],
  ["a failure of another slot", [{ kind: "failed", slot: "b" }], false],
  ["a failure, then a verify", [FAILED, { kind: "verify", slot: "a" }], true],
  ["a failure, then a success", [FAILED, { kind: "good", slot: "a" }], false],
  ["a failure, then a fall", [FAILED, { kind: "fell", slot: "a" }], false],
  ["a failure, then another system", [FAILED, { kind: "written", slot: "a" }], false],
  ["an upgrade that failed", [{ kind: "failed", slot: "a", digest: "sha256:1" }], false],
])("failingOf() a history with %s", (_, events, want) => {
  expect(failingOf(stateWith(events), "a") !== undefined).toBe(want);
});

test("withFailure() keeps what the last failure of each slot printed", () => {
  let state = emptyState();
  for (const [slot, output] of [
    ["a", "1"],
    ["b", "2"],
    ["a", "3"],
  ] as const)
    state = withFailure(state, slot, { at, text: "x", output });
  expect(state.history.map(({ output }) => output)).toEqual([undefined, "2", "3"]);
});
