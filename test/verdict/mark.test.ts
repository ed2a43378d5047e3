import { expect, test } from "bun:test";
import { withVerdict } from "../../src/control/state.ts";
import { markBad, markGood, recordFall } from "../../src/verdict/mark.ts";
import { memoryMachine, memorySource } from "../fakes/machine.ts";
import { rejection } from "../fakes/source.ts";
import { armed, FIRST_BOOT, installed, TRIAL_BOOT, upgraded } from "../upgrade/disk.ts";

const V2 = memorySource("v2").digest;
/** The loader has given up slot b and started slot a. */
const FALLEN_BOOT = "tandem.slot=a tandem.gen=2 tandem.fell=b tandem.why=tries";

test("markGood() in a trial makes it the good slot, and the old one the last resort", async () => {
  const image = await armed();
  const result = await markGood(memoryMachine(image.file(), TRIAL_BOOT), undefined, "it works");
  expect(result).toEqual({ slot: "b", verdict: "good", committed: true });
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 3, good: "b", trial: undefined, last: "a" });
  expect(memory.state.slots.b).toMatchObject({ verdict: { result: "good", reason: "it works" } });
  expect(memory.state.history.at(-1)).toMatchObject({ kind: "good", slot: "b", digest: V2 });
});

test.each([
  [0, false, 1],
  [2, true, 2],
])("markGood() in the good slot with a limit of %i commits: %p", async (limit, committed, gen) => {
  const image = await installed(limit);
  const result = await markGood(memoryMachine(image.file(), FIRST_BOOT), "a", "again");
  expect(result).toEqual({ slot: "a", verdict: "good", committed });
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ gen, good: "a", limit });
});

test("markGood() in the good slot leaves a pending trial alone", async () => {
  const image = await armed();
  const result = await markGood(memoryMachine(image.file(), FIRST_BOOT), undefined, "still fine");
  expect(result.committed).toBe(false);
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ good: "a", trial: "b" });
});

test("markGood() writes a new record when both copies are lost", async () => {
  const image = await upgraded();
  image.write(0, new Uint8Array(0x2000));
  const result = await markGood(memoryMachine(image.file(), "tandem.slot=b"), undefined, "saved");
  expect(result.committed).toBe(true);
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ good: "b", last: "a" });
});

test("markGood() refuses every slot but the booted one", async () => {
  const image = await armed();
  const before = image.bytes();
  expect(
    await rejection(markGood(memoryMachine(image.file(), FIRST_BOOT), "b", "hope")),
  ).toMatchObject({
    code: "disk",
    message: "Cannot mark slot b good: slot a is the one that runs",
  });
  expect(await rejection(markGood(memoryMachine(image.file()), undefined, "hope"))).toMatchObject({
    code: "disk",
    message: "Cannot mark the booted slot: this machine does not run from image",
  });
  expect(image.bytes()).toEqual(before);
});

test.each([
  [undefined, TRIAL_BOOT],
  ["b", FIRST_BOOT],
] as const)(
  "markBad(%p) of the trial ends it, and its image is not tried again",
  async (slot, boot) => {
    const image = await armed();
    const result = await markBad(memoryMachine(image.file(), boot), slot, "it hung");
    expect(result).toEqual({ slot: "b", verdict: "bad", committed: true });
    const { loaderData, memory } = memoryMachine(image.file());
    expect(loaderData.record).toMatchObject({ gen: 3, good: "a", trial: undefined });
    expect(memory.state.knownBad).toMatchObject([{ digest: V2, reason: "it hung" }]);
    expect(memory.state.slots.b).toMatchObject({ verdict: { result: "bad", reason: "it hung" } });
  },
);

test("markBad() of the good slot makes the other one good", async () => {
  const image = await upgraded();
  const machine = memoryMachine(image.file(), "tandem.slot=b tandem.gen=3");
  expect(await markBad(machine, "b", "it leaks")).toMatchObject({ committed: true });
  const { record } = memoryMachine(image.file()).loaderData;
  expect(record).toMatchObject({ gen: 4, good: "a", trial: undefined, last: undefined });
});

test("markBad() of the last resort removes it from the record", async () => {
  const image = await upgraded();
  const machine = memoryMachine(image.file(), "tandem.slot=b tandem.gen=3");
  expect(await markBad(machine, "a", "old")).toMatchObject({ committed: true });
  const { record } = memoryMachine(image.file()).loaderData;
  expect(record).toMatchObject({ gen: 4, good: "b", last: undefined });
});

test("markBad() of the only good slot is refused, and changes nothing", async () => {
  const image = await installed();
  const before = image.bytes();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  expect(await rejection(markBad(machine, undefined, "no"))).toMatchObject({
    code: "boot",
    message: "Cannot mark slot a bad: no other slot has proven itself",
  });
  expect(image.bytes()).toEqual(before);
});

test("markBad() without a name needs a booted slot", async () => {
  const machine = memoryMachine((await armed()).file());
  expect(await rejection(markBad(machine, undefined, "no"))).toMatchObject({ code: "disk" });
});

test("recordFall() ends the trial that the loader has given up", async () => {
  const image = await armed();
  expect(await recordFall(memoryMachine(image.file(), FALLEN_BOOT))).toBe("b");
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 3, good: "a", trial: undefined, last: undefined });
  const reason = "its tries were used up without a good verdict";
  expect(memory.state.knownBad).toMatchObject([{ digest: V2, reason }]);
  expect(memory.state.slots.b).toMatchObject({ verdict: { result: "bad", reason } });
});

test("recordFall() keeps the output of earlier checks", async () => {
  const image = await armed();
  const { memory } = memoryMachine(image.file());
  const verdict = {
    result: "bad",
    reason: "/checks/net ended with status 1",
    at: new Date(0).toISOString(),
  } as const;
  await memory.writeState(withVerdict(memory.state, "b", verdict));
  await recordFall(memoryMachine(image.file(), FALLEN_BOOT));
  expect(memoryMachine(image.file()).memory.state.knownBad[0]?.reason).toBe(
    "its tries were used up without a good verdict; last: /checks/net ended with status 1",
  );
});

test.each([
  ["the trial runs", TRIAL_BOOT],
  ["the trial waits", FIRST_BOOT],
  ["it was another trial", "tandem.slot=a tandem.gen=1 tandem.fell=b"],
  ["the machine runs from elsewhere", ""],
])("recordFall() does nothing while %s", async (_, cmdline) => {
  const image = await armed();
  const before = image.bytes();
  expect(await recordFall(memoryMachine(image.file(), cmdline))).toBeUndefined();
  expect(image.bytes()).toEqual(before);
});

test("recordFall() does nothing without a record", async () => {
  const image = await armed();
  image.write(0, new Uint8Array(0x2000));
  expect(await recordFall(memoryMachine(image.file(), FALLEN_BOOT))).toBeUndefined();
});

test("markGood() of a slot that is good already does not fill the history", async () => {
  const image = await installed();
  const before = memoryMachine(image.file()).memory.state;
  await markGood(memoryMachine(image.file(), FIRST_BOOT), undefined, "again");
  expect(memoryMachine(image.file()).memory.state).toEqual(before);
});
