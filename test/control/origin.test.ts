import { expect, test } from "bun:test";
import { isBlank, neverUsed } from "../../src/control/origin.ts";
import {
  emptyState,
  type State,
  withEvent,
  withKnownBad,
  withSlot,
  withVerdict,
} from "../../src/control/state.ts";
import { WRITTEN } from "./written-slot.ts";

const at = "2026-11-22T12:00:00Z";
const FIRST = { start: 4, end: 6 };

test("isBlank() takes zeros, and anything where the first state is written", () => {
  expect(isBlank(new Uint8Array(9), FIRST)).toBe(true);
  for (let index = 0; index < 9; index += 1)
    expect(isBlank(new Uint8Array(9).fill(1, index, index + 1), FIRST)).toBe(
      [4, 5].includes(index),
    );
});

const STATES: readonly [string, boolean, (state: State) => State][] = [
  ["nothing", true, (state) => state],
  ["a slot that was written", true, (state) => withSlot(state, "a", WRITTEN)],
  ["an upgrade that failed", true, (state) => withEvent(state, { at, kind: "failed", text: "" })],
  [
    "a system that was installed",
    false,
    (state) => withEvent(state, { at, kind: "install", text: "" }),
  ],
  ["an image that is bad", false, (state) => withKnownBad(state, { digest: "", reason: "", at })],
  [
    "a verdict",
    false,
    (state) => withVerdict(withSlot(state, "b", WRITTEN), "b", { result: "bad", reason: "", at }),
  ],
];
test.each(STATES)("neverUsed() of a state with %s is %p", (_, is, step) => {
  expect(neverUsed(step(emptyState()))).toBe(is);
});
