import { expect, test } from "bun:test";
import {
  bootableSlots,
  emptyState,
  HISTORY_MAX,
  KNOWN_BAD_MAX,
  unknownState,
  withEvent,
  withKnownBad,
  withoutKnownBad,
  withSlot,
  withVerdict,
  type SlotState,
  type State,
} from "../../src/control/state.ts";
import { WRITTEN } from "./written-slot.ts";

const AT = "2026-11-22T12:00:00.000Z";
const BAD = { result: "bad", reason: "the checks failed", at: AT } as const;
const GOOD = { result: "good", reason: "the checks passed", at: AT } as const;

test("withEvent() keeps the latest events", () => {
  let state: State = emptyState();
  for (let index = 0; index < HISTORY_MAX + 3; index += 1)
    state = withEvent(state, { at: AT, kind: "upgrade", text: `${index}` });
  expect(state.history).toHaveLength(HISTORY_MAX);
  expect([state.history[0]?.text, state.history.at(-1)?.text]).toEqual(["3", `${HISTORY_MAX + 2}`]);
});

test("withKnownBad() lists a digest once and keeps the latest", () => {
  let state: State = emptyState();
  for (let index = 0; index < KNOWN_BAD_MAX + 1; index += 1)
    state = withKnownBad(state, { digest: `d${index}`, reason: "first", at: AT });
  state = withKnownBad(state, { digest: "d5", reason: "second", at: AT });
  expect(state.knownBad).toHaveLength(KNOWN_BAD_MAX);
  expect(state.knownBad.at(-1)).toEqual({ digest: "d5", reason: "second", at: AT });
  expect(state.knownBad.map(({ digest }) => digest)).not.toContain("d0");
  expect(withoutKnownBad(state, "d5").knownBad).toHaveLength(KNOWN_BAD_MAX - 1);
});

test("withSlot() changes one slot", () => {
  const state = withSlot(emptyState(), "b", WRITTEN);
  expect(state.slots).toEqual({
    ...unknownState().slots,
    a: { status: "empty" },
    b: WRITTEN,
    recovery: { status: "empty" },
  });
});

test.each([
  [{ status: "empty" }, undefined],
  [{ status: "writing", source: "s", digest: "d", startedAt: AT }, undefined],
  [{ status: "unknown" }, BAD],
  [WRITTEN, BAD],
] as const)("withVerdict() judges only what can be judged: %o", (slot, verdict) => {
  const state = withVerdict(withSlot(emptyState(), "a", slot), "a", BAD);
  expect("verdict" in state.slots.a ? state.slots.a.verdict : undefined).toEqual(verdict);
});

const { verifiedAt: _, ...UNVERIFIED } = WRITTEN;
const SLOTS: readonly [string, SlotState, boolean][] = [
  ["empty", { status: "empty" }, false],
  ["half written", { status: "writing", source: "s", digest: "d", startedAt: AT }, false],
  ["of unknown content", { status: "unknown" }, false],
  ["of unknown content that booted well", { status: "unknown", verdict: GOOD }, true],
  ["verified", WRITTEN, true],
  ["verified and good", { ...WRITTEN, verdict: GOOD }, true],
  ["verified and bad", { ...WRITTEN, verdict: BAD }, false],
  ["not verified", UNVERIFIED, false],
];
test.each(SLOTS)("bootableSlots() of a slot that is %s", (_name, slot, isBootable) => {
  expect(bootableSlots(withSlot(emptyState(), "recovery", slot))).toEqual(
    isBootable ? ["recovery"] : [],
  );
});

test("bootableSlots() of a lost state is empty", () => {
  expect(bootableSlots(unknownState())).toEqual([]);
});
