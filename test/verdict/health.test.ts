import { expect, test } from "bun:test";
import { health } from "../../src/verdict/health.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { type CheckedSystem, checkedSystem, FAILED, PASSED } from "../fakes/checks.ts";
import { memoryMachine, slotOf } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { armed, FIRST_BOOT, installed, TRIAL_BOOT, workOn } from "../upgrade/disk.ts";

const PLAN = {
  required: ["/r"],
  wanted: ["/w"],
  checkSeconds: 60,
  deadlineSeconds: 300,
  expect: { mounted: [], noFailedUnits: false, freeSpace: {}, urls: [], tcp: [], processes: [] },
};
const FALLEN_BOOT = "tandem.slot=a tandem.gen=2 tandem.fell=b";

const check = (machine: Machine): ReturnType<typeof health> =>
  health(workOn(machine), machine, PLAN);

function machineOn(image: PagedImage, cmdline: string, system: CheckedSystem): Machine {
  return memoryMachine(image.file(), cmdline, system);
}

test("health() of a trial that passes makes it good", async () => {
  const image = await armed();
  const system = checkedSystem({ "/r/net": PASSED, "/w/printer": FAILED });
  const result = await check(machineOn(image, TRIAL_BOOT, system));
  expect(result).toMatchObject({ slot: "b", healthy: true, fell: undefined, failure: undefined });
  expect(result.checks.map((one) => one.check)).toEqual(["slot b", "/r/net", "/w/printer"]);
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 3, good: "b", trial: undefined });
  expect(memory.state.slots.b).toMatchObject({ verdict: { reason: "2 of 3 checks passed" } });
});

test("health() without other checks looks at the slot alone", async () => {
  const image = await armed();
  expect(await check(machineOn(image, TRIAL_BOOT, checkedSystem({})))).toMatchObject({
    healthy: true,
  });
  expect(memoryMachine(image.file()).memory.state.slots.b).toMatchObject({
    verdict: { result: "good", reason: "1 of 1 checks passed" },
  });
});

test("health() of a trial that fails does not change the boot record", async () => {
  const image = await armed();
  const result = await check(machineOn(image, TRIAL_BOOT, checkedSystem({ "/r/net": FAILED })));
  const failure = "/r/net ended with status 3";
  expect(result).toMatchObject({ slot: "b", healthy: false, failure });
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 2, good: "a", trial: "b", tries: 3 });
  expect(memory.state.slots.b).toMatchObject({ verdict: { result: "bad", reason: failure } });
  expect(memory.state.history.at(-1)).toMatchObject({ kind: "failed", slot: "b", text: failure });
  expect(memory.state.knownBad).toEqual([]);
});

test("health() of a trial that passes at a later boot replaces the bad verdict", async () => {
  const image = await armed();
  await check(machineOn(image, TRIAL_BOOT, checkedSystem({ "/r/net": FAILED })));
  await check(machineOn(image, TRIAL_BOOT, checkedSystem({ "/r/net": PASSED })));
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ good: "b", last: "a" });
  expect(memory.state.slots.b).toMatchObject({ verdict: { result: "good" } });
});

test("health() that fails in the good slot does not make it bad", async () => {
  const image = await installed();
  const result = await check(machineOn(image, FIRST_BOOT, checkedSystem({ "/r/net": FAILED })));
  expect(result).toMatchObject({ slot: "a", healthy: false });
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 1, good: "a" });
  expect(memory.state.slots.a).toMatchObject({ verdict: { result: "good", reason: "installed" } });
  expect(memory.state.history.at(-1)).toMatchObject({
    kind: "failed",
    slot: "a",
    output: "/r/net:\nno network",
  });
});

test("health() that passes in the good slot after a failure adds one event", async () => {
  const image = await installed();
  for (const outcome of [FAILED, PASSED, PASSED])
    await check(machineOn(image, FIRST_BOOT, checkedSystem({ "/r/net": outcome })));
  const { memory } = memoryMachine(image.file());
  expect(memory.state.history.map(({ kind }) => kind).slice(-2)).toEqual(["failed", "good"]);
});

test.each([
  ["passes", PASSED, true],
  ["fails", FAILED, false],
])(
  "health() ends the trial that the loader has given up, also when the good slot %s",
  async (...row) => {
    const [, outcome, healthy] = row;
    const image = await armed();
    const result = await check(machineOn(image, FALLEN_BOOT, checkedSystem({ "/r/net": outcome })));
    expect(result).toMatchObject({ slot: "a", fell: "b", healthy });
    const { loaderData, memory } = memoryMachine(image.file());
    expect(loaderData.record).toMatchObject({ good: "a", trial: undefined });
    expect(memory.state.knownBad).toHaveLength(1);
  },
);

test("health() keeps what the failed checks of a trial printed", async () => {
  const image = await armed();
  await check(machineOn(image, TRIAL_BOOT, checkedSystem({ "/r/net": FAILED, "/r/ok": PASSED })));
  expect(memoryMachine(image.file()).memory.state.slots.b).toMatchObject({
    verdict: { output: "/r/net:\nno network" },
  });
});

test("health() of a slot that holds another file system than tandem wrote fails", async () => {
  const image = await armed();
  const machine = machineOn(image, TRIAL_BOOT, checkedSystem({}));
  slotOf(image.file(), "b").write(1024 + 0x68, new Uint8Array(16));
  expect(await check(machine)).toMatchObject({
    healthy: false,
    failure: expect.stringMatching(/^slot b holds another file system than that of sha256:/),
  });
});

test.each([
  ["a trial", TRIAL_BOOT, armed, undefined],
  ["the good slot", FIRST_BOOT, installed, "slot a is the good one, and its boots are not counted"],
])("health() that fails in %s says whether a reboot helps", async (...row) => {
  const [, cmdline, disk, stay] = row;
  const system = checkedSystem({ "/r/net": FAILED });
  expect(await check(machineOn(await disk(), cmdline, system))).toMatchObject({ stay });
});

test("health() of a machine that does not run from the disk runs no check", async () => {
  const image = await installed();
  const system = checkedSystem({ "/r/net": PASSED });
  expect(await rejection(check(machineOn(image, "", system)))).toMatchObject({ code: "disk" });
  expect(system.runs).toEqual([]);
});
