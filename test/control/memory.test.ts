import { expect, test } from "bun:test";
import { emptyState, withEvent, withSlot } from "../../src/control/state.ts";
import { controlIn } from "../fakes/control.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { formatted, reopened } from "./formatted.ts";
import { WRITTEN } from "./written-slot.ts";

test("writeState() keeps the state over many writes", async () => {
  const image = await formatted();
  const { memory } = reopened(image);
  let state = emptyState();
  for (let index = 0; index < 5; index += 1) {
    state = withEvent(state, { at: "2026-11-22T12:00:00Z", kind: "verify", text: `${index}` });
    await memory.writeState(state);
    expect(memory.state).toEqual(state);
    expect(reopened(image).memory.state).toEqual(state);
  }
});

test("a power cut anywhere in a write of the state leaves the old one or the new one", async () => {
  const old = withSlot(emptyState(), "a", WRITTEN);
  const runs = Array.from({ length: 2000 }, (_, index): [number, number] => [index * 512, 256]);
  const next = withSlot(old, "b", { ...WRITTEN, runs });
  const disk = new RecordedDisk(await formatted(old));
  const { memory } = controlIn(disk.file);
  await memory.writeState(next);
  const half = disk.operations.length;
  await memory.writeState(old);
  for (const { name, after, image } of disk.cuts({ tearsMax: 40 })) {
    const { state } = reopened(image).memory;
    const found = [old, next].findIndex((one) => Bun.deepEquals(one, state));
    const allowed =
      after === 0 || after === disk.operations.length ? [0] : after === half ? [1] : [0, 1];
    expect({ name, found: allowed.includes(found) }).toEqual({ name, found: true });
  }
});
