import { expect, test } from "bun:test";
import fc from "fast-check";
import { chooseState, encodeState, parseState, STATE_BYTES } from "../../src/control/state-copy.ts";
import {
  emptyState,
  unknownState,
  withEvent,
  withKnownBad,
  withSlot,
  withVerdict,
  type State,
} from "../../src/control/state.ts";
import { WRITTEN } from "./written-slot.ts";

const AT = "2026-11-22T12:00:00Z";
const FULL: State = [
  (state: State) => withSlot(state, "a", { status: "unknown" }),
  (state: State) => withVerdict(state, "a", { result: "good", reason: "ü", at: AT }),
  (state: State) => withSlot(state, "b", WRITTEN),
  (state: State) =>
    withSlot(state, "recovery", { status: "writing", source: "s", digest: "d", startedAt: AT }),
  (state: State) => withKnownBad(state, { digest: "sha256:0", reason: "panic", at: AT }),
  (state: State) => withEvent(state, { at: AT, kind: "fell", slot: "b", text: "no tries left" }),
].reduce((state, step) => step(state), emptyState());

test.each([
  ["empty", emptyState()],
  ["unknown", unknownState()],
  ["full", FULL],
])("parseState() undoes encodeState() of a state that is %s", (_, state) => {
  const bytes = encodeState(2 ** 40 + 1, state);
  expect(bytes.byteLength % 4096).toBe(0);
  expect(parseState(bytes)).toEqual({ generation: 2 ** 40 + 1, state });
  const old = Buffer.concat([bytes, Buffer.alloc(4096, "x")]);
  expect(parseState(old)).toEqual({ generation: 2 ** 40 + 1, state });
});

test("encodeState() is magic, format, length, generation, SHA-256, JSON", () => {
  const bytes = Buffer.from(encodeState(5, emptyState()));
  // A state has the slots of other layouts only when something is known of them.
  const { a, b, recovery } = emptyState().slots;
  const json = JSON.stringify({ ...emptyState(), slots: { a, b, recovery } });
  expect(bytes.toString("latin1", 0, 8)).toBe("TANDEMST");
  expect([bytes.readUInt32LE(8), bytes.readUInt32LE(12), bytes.readBigUInt64LE(16)]).toEqual([
    1,
    json.length,
    5n,
  ]);
  expect(bytes.toString("latin1", 56, 56 + json.length)).toBe(json);
});

test("encodeState() drops the oldest events when there is no room", () => {
  const text = "x".repeat(10_000);
  let state = emptyState();
  for (let index = 0; index < 60; index += 1)
    state = withEvent(state, { at: AT, kind: "failed", digest: `${index}`, text });
  const bytes = encodeState(1, state);
  expect(bytes.byteLength).toBeLessThanOrEqual(STATE_BYTES);
  const copy = parseState(bytes);
  const digests = "invalid" in copy ? [] : copy.state.history.map(({ digest }) => digest);
  expect(digests.length).toBeGreaterThan(40);
  expect(digests.at(-1)).toBe("59");
});

test("encodeState() refuses a state that does not fit without events", () => {
  const runs = Array.from({ length: 50_000 }, (_, index): [number, number] => [index * 512, 256]);
  const state = withSlot(emptyState(), "b", { ...WRITTEN, runs });
  expect(() => encodeState(1, state)).toThrow("Cannot write the state: it is larger than");
});

test("parseState() refuses a copy with any byte of it changed", () => {
  const whole = encodeState(3, FULL);
  const length = 56 + Buffer.from(whole).readUInt32LE(12);
  for (let at = 0; at < length; at += 1) {
    const bytes = whole.slice();
    bytes[at] = (bytes[at] ?? 0) + 1;
    expect(parseState(bytes)).toHaveProperty("invalid");
  }
});

test.each([
  ["zeros", Buffer.alloc(8192), "it is empty"],
  ["noise", Buffer.alloc(8192, "y"), "it does not begin with TANDEMST"],
  ["a future format", Buffer.from(`TANDEMST\u0002${"\0".repeat(99)}`), "its format is 2, want 1"],
])("parseState() of %s says so", (_, bytes, invalid) => {
  expect(parseState(bytes)).toEqual({ invalid });
});

test.each([
  ["an old version", { ...emptyState(), version: 0 }, "version: "],
  ["no slots", { ...emptyState(), slots: {} }, "slots.a: "],
  [
    "a status that is no text",
    { ...emptyState(), slots: { ...FULL.slots, a: { status: 1 } } },
    "slots.a.status: ",
  ],
  [
    "an absurd run",
    withSlot(emptyState(), "a", { ...WRITTEN, runs: [[0, 2 ** 40]] }),
    "slots.a.runs.0: ",
  ],
  [
    "a time that is none",
    withKnownBad(emptyState(), { digest: "", reason: "", at: "noon" }),
    "knownBad.0.at: ",
  ],
])("parseState() refuses %s, with its place", (_, state, place) => {
  const copy = parseState(encodeState(1, state as unknown as State));
  expect("invalid" in copy ? copy.invalid : "").toStartWith(place);
});

test("chooseState() takes the larger generation of the valid copies", () => {
  const [one, two] = [3, 4].map((generation) => ({ generation, state: FULL }));
  const torn = { invalid: "torn" };
  expect([chooseState(one ?? torn, two ?? torn), chooseState(two ?? torn, one ?? torn)]).toEqual([
    1, 0,
  ]);
  expect([chooseState(torn, one ?? torn), chooseState(one ?? torn, torn)]).toEqual([1, 0]);
  expect(chooseState(torn, torn)).toBeUndefined();
});

test("parseState() never throws, whatever the bytes", () => {
  const whole = encodeState(3, FULL);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { minLength: 1 }),
      fc.nat(4096),
      (changes, size) => {
        const bytes = whole.slice(0, size);
        for (const [at, value] of changes) if (at < size) bytes[at] = value;
        expect(parseState(bytes)).toBeObject();
      },
    ),
  );
});
