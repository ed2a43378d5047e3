import { expect, test } from "bun:test";
import { newerState, versionAbove } from "../../src/control/newer-state.ts";
import { emptyState, unknownState } from "../../src/control/state.ts";
import { WRITTEN } from "./written-slot.ts";

const AT = "2026-11-22T12:00:00Z";

test.each([
  [{ version: 2 }, 2],
  [{ ...emptyState(), version: 17 }, 17],
  [emptyState(), undefined],
  [{ version: 0 }, undefined],
  [{ version: "2" }, undefined],
  [{ version: 1.5 }, undefined],
  [[], undefined],
  [null, undefined],
])("versionAbove(%o)", (json, version) => {
  expect(versionAbove(json)).toBe(version);
});

test("newerState() takes each part that it understands", () => {
  const bad = { digest: "sha256:0", reason: "panic", at: AT };
  const state = newerState({
    version: 2,
    slots: { a: WRITTEN, b: { ...WRITTEN, runs: 7 }, recovery: "gone" },
    knownBad: [bad, { digest: 1 }],
    history: [{ at: AT, kind: "new", text: "" }, "x"],
    falls: { many: [] },
    dumps: ["one"],
  });
  expect(state).toEqual({
    ...emptyState(),
    slots: {
      ...unknownState().slots,
      a: WRITTEN,
      b: { status: "other", raw: { ...WRITTEN, runs: 7 } as never },
      recovery: { status: "unknown" },
    },
    knownBad: [bad],
    history: [{ at: AT, kind: "new", text: "" }],
    falls: [],
    dumps: ["one"],
  });
});

test.each([[{ version: 2 }], [{ version: 2, slots: [], history: 1, knownBad: {} }]])(
  "newerState() of %o knows nothing",
  (json) => {
    expect(newerState(json)).toEqual({ ...unknownState(), falls: [], dumps: [] });
  },
);
