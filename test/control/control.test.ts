import { expect, test } from "bun:test";
import { formatControl } from "../../src/control/control.ts";
import { encodeRecord } from "../../src/control/record.ts";
import { emptyState } from "../../src/control/state.ts";
import { MiB } from "../../src/lib/units.ts";
import { controlIn } from "../fakes/control.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { ARMED, FIRST, formatted, reopened } from "./formatted.ts";

test("formatControl() makes a control partition that opens", async () => {
  const { loaderData, memory } = reopened(await formatted());
  expect(loaderData.record).toEqual({ ...FIRST, gen: 1 });
  expect(memory.state).toEqual(emptyState());
  expect(loaderData.recordProblems).toEqual([
    "copy 1 of the boot record cannot be used: it is empty",
  ]);
  expect(loaderData.spec("a")).toEqual({ invalid: "it is empty" });
});

test("formatControl() wipes what was there", async () => {
  const image = await formatted();
  image.write(0x5000, encodeRecord({ ...ARMED, gen: 900 }));
  image.write(0x1000, encodeRecord({ ...ARMED, gen: 900 }));
  await formatControl(controlIn(image.file()), { record: FIRST, state: emptyState() });
  expect(reopened(image).loaderData.record).toEqual({ ...FIRST, gen: 1 });
  expect(reopened(image).loaderData.spec("b")).toEqual({ invalid: "it is empty" });
});

test("openControl() refuses a partition that is too small", () => {
  const { file } = new RecordedDisk(MiB - 512);
  expect(() => controlIn(file)).toThrow("it has 1048064 bytes, needs 1048576");
});

test("openControl() of a blank partition has no record and no state, and says so", () => {
  const { loaderData, memory } = controlIn(new RecordedDisk(MiB).file);
  expect(loaderData.record).toBeUndefined();
  expect(memory.state.slots.a).toEqual({ status: "unknown" });
  expect(loaderData.recordProblems).toHaveLength(2);
  expect(memory.stateProblems).toEqual([
    "copy 0 of the state cannot be used: it is empty",
    "copy 1 of the state cannot be used: it is empty",
  ]);
});
