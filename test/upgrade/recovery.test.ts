/** The recovery slot, and falling back to it. */
import { expect, test } from "bun:test";
import { withSlot, withVerdict } from "../../src/control/state.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import { forgetUnfit } from "../../src/machine/forget-unfit.ts";
import { markBad, markGood, recordFall } from "../../src/verdict/mark.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { verify } from "../../src/upgrade/verify.ts";
import { memoryMachine, memorySource, slotOf } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import {
  armed,
  FIRST_BOOT,
  installed,
  TRIAL_BOOT,
  upgraded,
  upgradeTo,
  withRecovery,
  workOn,
} from "./disk.ts";

const FIRST = "tandem.slot=a tandem.gen=2";

/** The slots that the boot loader could start. */
function startable(image: PagedImage): SlotName[] {
  const { loader, slots } = memoryMachine(image.file());
  return (["a", "b", "recovery"] as const).filter(
    (name) => slots[name] !== undefined && loader.startProblem(name) === undefined,
  );
}

test("upgrade to recovery makes it the last resort, without a trial", async () => {
  const image = await withRecovery();
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ good: "a", trial: undefined, last: "recovery" });
  expect(memory.state.slots.recovery).toMatchObject({ status: "written", version: "rescue" });
  expect(memory.state.history.at(-1)).toMatchObject({ kind: "written", slot: "recovery" });
  expect(startable(image)).toEqual(["a", "recovery"]);
});

test("upgrade to recovery says what it did, and does it once", async () => {
  const image = await withRecovery();
  const again = (version: string): ReturnType<typeof upgradeTo> =>
    upgradeTo(version, memoryMachine(image.file(), FIRST), { slot: "recovery" });
  expect(await again("rescue")).toMatchObject({ outcome: "nothing" });
  expect(await again("rescue 2")).toMatchObject({ outcome: "stored", slot: "recovery" });
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ gen: 4, last: "recovery" });
});

test("upgrade to recovery needs a recovery slot", async () => {
  const machine = memoryMachine((await installed()).file(), FIRST_BOOT);
  expect(await rejection(upgradeTo("x", machine, { slot: "recovery" }))).toMatchObject({
    code: "disk",
    message: expect.stringContaining("has no slot recovery"),
  });
});

test("a failed upgrade is in the history with its reason, and its slot is unstartable", async () => {
  const image = await upgraded();
  const machine = memoryMachine(image.file(), "tandem.slot=b tandem.gen=3");
  const source = memorySource("x", [{ path: "large", data: new Uint8Array(9 * 1024 * 1024) }]);
  const image9 = await source.image();
  const layers = image9.layers.map((layer) => ({ ...layer, sizeBytes: 1000 }));
  const small = { ...source, image: () => Promise.resolve({ ...image9, layers }) };
  expect(await rejection(upgradeTo(small, machine))).toMatchObject({ code: "no-space" });
  const { memory } = memoryMachine(image.file());
  expect(memory.state.history.at(-1)).toMatchObject({ kind: "failed", slot: "a" });
  expect(memory.state.slots.a).toMatchObject({ status: "writing" });
  expect(startable(image)).toEqual(["b"]);
});

test("rollback() to recovery tries it, counted", async () => {
  const image = await withRecovery();
  const result = await rollback(memoryMachine(image.file(), FIRST), 2, "recovery");
  expect(result).toEqual({ slot: "recovery", outcome: "armed", tries: 2 });
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({
    good: "a",
    trial: "recovery",
    tries: 2,
    last: undefined,
  });
});

test("rollback() to the good slot withdraws a trial", async () => {
  const image = await armed();
  const result = await rollback(memoryMachine(image.file(), FIRST_BOOT), 3, "a");
  expect(result).toEqual({ slot: "a", outcome: "withdrawn", tries: 0 });
});

test("rollback() to a trial that waits arms it again", async () => {
  const image = await armed();
  const result = await rollback(memoryMachine(image.file(), FIRST_BOOT), 7, "b");
  expect(result).toEqual({ slot: "b", outcome: "armed", tries: 7 });
});

test("rollback() to the good slot from another one resets its count", async () => {
  const image = await withRecovery(2);
  const machine = memoryMachine(
    image.file(),
    "tandem.slot=recovery tandem.gen=2 tandem.gave_up=a:limit",
  );
  expect(await rollback(machine, 3, "a")).toEqual({ slot: "a", outcome: "again", tries: 0 });
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({
    gen: 3,
    good: "a",
    limit: 2,
  });
});

test.each([
  ["a", FIRST_BOOT, "it is the good one already"],
  ["recovery", FIRST_BOOT, "the disk has no such slot"],
] as const)("rollback() to %s booted by %p is refused: %s", async (to, boot, why) => {
  const image = await installed();
  const before = image.bytes();
  expect(await rejection(rollback(memoryMachine(image.file(), boot), 3, to))).toMatchObject({
    code: "disk",
    message: `Cannot roll back to slot ${to}: ${why}`,
  });
  expect(image.bytes()).toEqual(before);
});

test("rollback() to the trial that runs is refused", async () => {
  const machine = memoryMachine((await armed()).file(), TRIAL_BOOT);
  await expect(rollback(machine, 3, "b")).rejects.toThrow("it runs, and its trial goes on");
});

test.each([
  ["upgrade", (image: PagedImage) => upgradeTo("v2", limited(image, FIRST_BOOT))],
  ["markGood", (image: PagedImage) => markGood(limited(image, FIRST_BOOT), undefined, "x")],
])("%s() writes the configured limit to the record", async (_, act) => {
  const image = await installed();
  await act(image);
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ good: "a", limit: 4 });
});

function limited(image: PagedImage, boot: string): ReturnType<typeof memoryMachine> {
  return { ...memoryMachine(image.file(), boot), limit: 4 };
}

const FALLEN = "tandem.slot=a tandem.gen=2 tandem.fell=b tandem.why=tries";

test("a trial that was given up is no longer startable", async () => {
  const image = await armed();
  expect(startable(image)).toEqual(["a", "b"]);
  await recordFall(memoryMachine(image.file(), FALLEN));
  expect(startable(image)).toEqual(["a"]);
});

test("a slot that is marked bad is no longer startable, and has a fall", async () => {
  const image = await upgraded();
  await markBad(memoryMachine(image.file(), "tandem.slot=b tandem.gen=3"), "a", "old");
  expect(startable(image)).toEqual(["b"]);
  expect(memoryMachine(image.file()).memory.state.falls).toMatchObject([
    { slot: "a", stage: "hand", reason: "old", version: "v1" },
  ]);
});

test.each([
  ["the last one", upgraded, "tandem.slot=b tandem.gen=3", "a", ["b"]],
  ["a pending trial", armed, FIRST_BOOT, "b", ["a"]],
  ["the good one, which booted with these bytes", installed, FIRST_BOOT, "a", ["a"]],
] as const)("verify() that finds damage in %s", async (...[, make, boot, slot, left]) => {
  const image = await make();
  const held = memoryMachine(image.file()).memory.state.slots[slot];
  const [first = 0] = held.status === "written" ? (held.runs.at(-1) ?? []) : [];
  slotOf(image.file(), slot).write(first * 4096 + 5, new Uint8Array([1, 2, 3]));
  const machine = memoryMachine(image.file(), boot);
  await expect(verify(workOn(machine), machine, slot)).rejects.toThrow("its bytes hash to");
  expect(startable(image)).toEqual([...left]);
  const { record } = memoryMachine(image.file()).loaderData;
  expect(record).toMatchObject({ good: left[0], trial: undefined, last: undefined });
});

test("forgetUnfit() keeps slots in the record and slots that another program has filled", async () => {
  const image = await upgraded();
  const { memory } = memoryMachine(image.file());
  const bad = { result: "bad", reason: "x", at: new Date(0).toISOString() } as const;
  await memory.writeState(withVerdict(memory.state, "a", bad));
  await forgetUnfit(memoryMachine(image.file()));
  expect(startable(image)).toEqual(["a", "b"]);
  await memory.writeState(withSlot(memory.state, "a", { status: "unknown" }));
  await forgetUnfit(memoryMachine(image.file()));
  expect(startable(image)).toEqual(["a", "b"]);
});

const GAVE_UP = "tandem.gave_up=a:limit";

test("the other slot becomes good when it passes after the good one was given up", async () => {
  const image = await withRecovery(2);
  await upgradeTo("v2", memoryMachine(image.file(), FIRST));
  await rollback(memoryMachine(image.file(), FIRST), 3);
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ gen: 4, last: "recovery" });
  const machine = memoryMachine(image.file(), `tandem.slot=b tandem.gen=4 ${GAVE_UP}`);
  expect(await recordFall(machine)).toBeUndefined();
  await markGood(machine, undefined, "it works");
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 5, good: "b", limit: 2, last: "recovery" });
  expect(memory.state.slots.a).toMatchObject({ verdict: { result: "bad" } });
  expect(memory.state.falls).toMatchObject([
    {
      slot: "a",
      stage: "limit",
      tries: 2,
      reason: "it was the good one, and 2 boots of it passed without a good verdict",
    },
  ]);
  // The image has passed its checks once, so it may be written again.
  expect(memory.state.knownBad).toEqual([]);
  expect(startable(image)).toEqual(["b", "recovery"]);
});

test("recovery that passes does not change the record, so it boots next, too", async () => {
  const image = await withRecovery(2);
  const boot = `tandem.slot=recovery tandem.gen=2 ${GAVE_UP}`;
  for (let time = 0; time < 2; time += 1) {
    const machine = memoryMachine(image.file(), boot);
    await recordFall(machine);
    expect(await markGood(machine, undefined, "it came up")).toMatchObject({ committed: false });
  }
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 2, good: "a", last: "recovery" });
  expect(memory.state.falls).toHaveLength(1);
  const upgrade = await upgradeTo("v2", memoryMachine(image.file(), boot));
  expect(upgrade).toMatchObject({ outcome: "upgraded", slot: "b" });
});

test("two falls under one record are both kept, and the record stays", async () => {
  const image = await withRecovery(2);
  await upgradeTo("v2", memoryMachine(image.file(), FIRST));
  const boot = `tandem.slot=recovery tandem.gen=3 ${GAVE_UP} tandem.fell=b tandem.why=kernel`;
  expect(await recordFall(memoryMachine(image.file(), boot))).toBe("b");
  expect(await recordFall(memoryMachine(image.file(), boot))).toBe("b");
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 3, good: "a", trial: "b" });
  expect(memory.state.falls).toMatchObject([
    { slot: "b", stage: "kernel", gen: 3, tries: 3 },
    { slot: "a", stage: "limit", gen: 3, tries: 2 },
  ]);
  expect(memory.state.knownBad).toMatchObject([{ digest: memorySource("v2").digest }]);
});
