import { expect, test } from "bun:test";
import {
  BESIDE_BYTES,
  changesOf,
  encodeBeside,
  parseBeside,
  withChanges,
} from "../../src/control/beside.ts";
import {
  emptyState,
  type State,
  withEvent,
  withFall,
  withKnownBad,
  withoutKnownBad,
  withSlot,
  withVerdict,
} from "../../src/control/state.ts";
import { encodeState } from "../../src/control/state-copy.ts";
import { withFailure } from "../../src/control/failing.ts";
import { WRITTEN } from "./written-slot.ts";

const at = "2026-11-22T12:00:00Z";
const BEFORE: State = [
  (state: State) => withSlot(state, "a", WRITTEN),
  (state: State) => withKnownBad(state, { digest: "sha256:0", reason: "panic", at }),
  (state: State) => withFailure(state, "a", { at, text: "net", output: "no route" }),
].reduce((state, step) => step(state), emptyState());

const STEPS: readonly [string, (state: State) => State][] = [
  ["a verdict", (state) => withVerdict(state, "a", { result: "bad", reason: "r", at })],
  ["another slot", (state) => withSlot(state, "b", { ...WRITTEN, version: "2" })],
  [
    "a slot of a later status",
    (state) => withSlot(state, "b", { status: "other", raw: { status: "x" } }),
  ],
  ["an event", (state) => withEvent(state, { at, kind: "good", slot: "a", text: "t" })],
  ["a fall", (state) => withFall(state, { at, slot: "b", stage: "hand", reason: "r" })],
  ["a bad image", (state) => withKnownBad(state, { digest: "sha256:1", reason: "r", at })],
  ["another reason", (state) => withKnownBad(state, { digest: "sha256:0", reason: "r", at })],
  ["a second chance", (state) => withoutKnownBad(state, "sha256:0")],
  ["dumps", (state) => ({ ...state, dumps: ["hash"] })],
];

test.each(STEPS)("changesOf() and withChanges() carry %s over", (_, step) => {
  const after = step(BEFORE);
  const copy = parseBeside(encodeBeside(3, 7, changesOf(BEFORE, after)));
  if ("invalid" in copy) throw new Error(copy.invalid);
  expect([copy.generation, copy.base]).toEqual([3, 7]);
  expect(withChanges(BEFORE, copy.changes)).toEqual({ ...after, falls: after.falls ?? [] });
});

test("changesOf() of two equal states has no changes", () => {
  expect(changesOf(BEFORE, BEFORE)).toEqual({
    slots: {},
    history: [],
    falls: [],
    knownBad: [],
    forgiven: [],
  });
});

test("an event that has lost its output is not a new event", () => {
  const after = withFailure(BEFORE, "a", { at, text: "disk", output: "full" });
  expect(changesOf(BEFORE, after).history.map(({ text }) => text)).toEqual(["disk"]);
});

test("encodeBeside() drops the oldest events when there is no room", () => {
  let after = BEFORE;
  for (let index = 0; index < 60; index += 1)
    after = withEvent(after, { at, kind: "failed", text: `${index} ${"x".repeat(1000)}` });
  const bytes = encodeBeside(1, 1, changesOf(BEFORE, after));
  expect(bytes.byteLength).toBeLessThanOrEqual(BESIDE_BYTES);
  const copy = parseBeside(bytes);
  const history = "invalid" in copy ? [] : copy.changes.history;
  expect(history.length).toBeGreaterThan(20);
  expect(history.at(-1)?.text).toStartWith("59 ");
});

test.each([
  ["zeros", Buffer.alloc(8192), "it is empty"],
  ["a state", encodeState(1, BEFORE), "it holds no changes"],
])("parseBeside() of %s says so", (_, bytes, invalid) => {
  expect(parseBeside(bytes)).toEqual({ invalid });
});
