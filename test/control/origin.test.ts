import { expect, test } from "bun:test";
import { neverUsed, originOf } from "../../src/control/origin.ts";
import {
  emptyState,
  type State,
  withEvent,
  withKnownBad,
  withSlot,
  withVerdict,
} from "../../src/control/state.ts";
import { MiB } from "../../src/lib/units.ts";
import { controlIn } from "../fakes/control.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { WRITTEN } from "./written-slot.ts";

const at = "2026-11-22T12:00:00Z";

/** A new disk with one byte written. */
const originWith = (offset: number): string => {
  const image = PagedImage.zeros(MiB);
  image.write(offset, Uint8Array.of(1));
  return originOf(controlIn(image.file()));
};

test("originOf() calls a disk of zeros blank, also with bytes in the area of the first state", () => {
  expect(originOf(controlIn(PagedImage.zeros(MiB).file()))).toBe("blank");
  for (const offset of [0x10000, 0x11fff]) expect(originWith(offset)).toBe("blank");
  for (const offset of [0, 0x4000, 0xffff, 0x12000, 0x80000, 0xf0000, MiB - 1])
    expect(originWith(offset)).toBe("used");
});

test("originOf() calls a disk begun while no system was installed, and used afterwards", async () => {
  const control = controlIn(PagedImage.zeros(MiB).file());
  await control.memory.writeState(emptyState());
  expect(originOf(control)).toBe("begun");
  const event = { at, kind: "install", text: "" } as const;
  await control.memory.writeState(withEvent(emptyState(), event));
  expect(originOf(control)).toBe("used");
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
