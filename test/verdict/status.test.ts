import { expect, test } from "bun:test";
import { withSlot } from "../../src/control/state.ts";
import { recordFall } from "../../src/verdict/mark.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { memoryMachine, memorySource } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { armed, FIRST_BOOT, installed, TRIAL_BOOT, upgraded } from "../upgrade/disk.ts";

const of = (image: PagedImage, cmdline: string): ReturnType<typeof statusOf> =>
  statusOf(memoryMachine(image.file(), cmdline));

test("statusOf() a new disk", async () => {
  expect(of(await installed(), FIRST_BOOT)).toMatchObject({
    disk: "image",
    booted: "a",
    fell: undefined,
    uncounted: false,
    record: { gen: 1, good: "a" },
    problems: [],
    slots: [
      { slot: "a", role: "good", booted: true, status: "written", version: "v1", verdict: "good" },
      { slot: "b", role: "passive", booted: false, status: "empty" },
    ],
  });
});

test("statusOf() a trial", async () => {
  const status = of(await armed(), `${TRIAL_BOOT} tandem.uncounted`);
  expect(status).toMatchObject({ booted: "b", left: 2, uncounted: true, record: { trial: "b" } });
  expect(status.slots).toMatchObject([
    { slot: "a", role: "good", booted: false },
    { slot: "b", role: "trial", booted: true, digest: memorySource("v2").digest },
  ]);
  expect(status.slots[1]).not.toHaveProperty("verdict");
});

test("statusOf() says what confirms the boots of the running system where no hook does", async () => {
  const machine = memoryMachine((await armed()).file(), TRIAL_BOOT);
  const loader = { ...machine.loader, confirmedBy: "a stage" };
  expect(statusOf({ ...machine, loader }).confirmedBy).toBe("a stage");
  expect(statusOf({ ...machine, loader, booted: undefined }).confirmedBy).toBeUndefined();
  expect(statusOf(machine).confirmedBy).toBeUndefined();
});

test("statusOf() an upgrade that is good shows the last resort", async () => {
  const { slots } = of(await upgraded(), "tandem.slot=b tandem.gen=3");
  expect(slots).toMatchObject([
    { slot: "a", role: "last" },
    { slot: "b", role: "good", verdict: "good", reason: "test" },
  ]);
});

test("statusOf() says what was given up, and why", async () => {
  const image = await armed();
  const cmdline = "tandem.slot=a tandem.gen=2 tandem.fell=b";
  expect(of(image, cmdline).fell).toBe("b");
  await recordFall(memoryMachine(image.file(), cmdline));
  const { knownBad, slots, history } = of(image, cmdline);
  expect(knownBad).toHaveLength(1);
  expect(slots[1]).toMatchObject({ role: "passive", verdict: "bad" });
  expect(history.at(-1)?.kind).toBe("bad");
});

test("statusOf() believes the kernel command line only for the disk of the booted slot", async () => {
  const machine = memoryMachine((await armed()).file(), `${TRIAL_BOOT} tandem.fell=b`);
  expect(statusOf({ ...machine, booted: undefined })).toMatchObject({
    booted: undefined,
    left: undefined,
    fell: undefined,
    uncounted: false,
  });
});

test.each([
  [
    "writing",
    { status: "writing", source: "x", digest: "y", startedAt: "1970-01-01T00:00:00.000Z" },
  ],
  ["unknown", { status: "unknown" }],
] as const)("statusOf() a slot that is %s", async (status, held) => {
  const image = await installed();
  const { memory } = memoryMachine(image.file());
  await memory.writeState(withSlot(memory.state, "b", held));
  const { startedAt: _, ...shown } = { startedAt: "", ...held };
  expect(of(image, FIRST_BOOT).slots[1]).toEqual({
    slot: "b",
    role: "passive",
    booted: false,
    ...shown,
    status,
  });
});

test("statusOf() reports lost copies of the record only when both are lost", async () => {
  const image = await armed();
  image.write(0, new Uint8Array(0x1000));
  expect(of(image, FIRST_BOOT)).toMatchObject({ problems: [], record: { gen: 2 } });
  image.write(0x1000, new Uint8Array(0x1000));
  const lost = of(image, FIRST_BOOT);
  expect(lost.record).toBeUndefined();
  expect(lost.problems).toContainEqual(expect.stringContaining("copy 0 of the boot record"));
  expect(lost.problems).toContainEqual(expect.stringContaining("copy 1 of the boot record"));
});

test("statusOf() says that the state is lost", async () => {
  const image = await armed();
  image.write(0x10000, new Uint8Array(4096));
  image.write(0x80000, new Uint8Array(4096));
  const { problems, slots } = of(image, FIRST_BOOT);
  expect(problems).toHaveLength(2);
  expect(slots).toMatchObject([{ status: "unknown" }, { status: "unknown" }]);
});

test("statusOf() writes nothing", async () => {
  const image = await armed();
  const before = image.bytes();
  of(image, TRIAL_BOOT);
  expect(image.bytes()).toEqual(before);
});
