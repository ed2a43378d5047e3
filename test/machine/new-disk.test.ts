import { expect, test } from "bun:test";
import { MiB } from "../../src/lib/units.ts";
import { examineMachine } from "../../src/doctor/doctor.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { isNewDisk, NO_SYSTEM, refuseNewDisk, stateOf } from "../../src/machine/new-disk.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { whyOf } from "../../src/verdict/why.ts";
import { statusText } from "../../src/cli/status-text.ts";
import { DISK_BYTES, memoryMachine, memorySource, NO_ESP } from "../fakes/machine.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { machineWith, newDisk, PLACES, wholeDisk } from "../fakes/whole-disk.ts";
import { rejection } from "../fakes/source.ts";
import { FIRST_BOOT, installed, upgraded, upgradeTo } from "../upgrade/disk.ts";

const blank = (): PagedImage => PagedImage.zeros(DISK_BYTES);
const machineOn = (image: PagedImage, cmdline = ""): Machine =>
  memoryMachine(image.file(), cmdline);

test("a new disk is recognised, and everything that needs a system is refused", () => {
  const machine = machineOn(blank());
  expect(isNewDisk(machine)).toBe(true);
  expect(stateOf(machine).slots.a).toEqual({ status: "empty" });
  expect(() => refuseNewDisk(machine)).toThrow(`Cannot work on ${machine.diskPath}: ${NO_SYSTEM}`);
  expect(whyOf(machine).now).toContain("There is no system on this disk yet.");
  const status = statusOf(machine);
  expect(status).toMatchObject({
    noSystem: true,
    record: undefined,
    next: undefined,
    problems: [],
  });
  expect(status.slots.map(({ status: held }) => held)).toEqual(["empty", "empty"]);
  expect(statusText(status, machine.loader.ending)).toContain(
    "nothing: no system yet; tandem upgrade --disk ",
  );
});

test("a disk with a system is not new", async () => {
  const machine = machineOn(await installed());
  expect(isNewDisk(machine)).toBe(false);
  expect(() => refuseNewDisk(machine)).not.toThrow();
  expect(statusOf(machine).noSystem).toBe(false);
});

test("the first upgrade fills slot a, makes it good and writes the first record", async () => {
  const image = blank();
  const report = await upgradeTo("v1", { ...machineOn(image), limit: 4 }, { tries: 2 });
  const { digest } = memorySource("v1");
  expect(report).toMatchObject({ outcome: "installed", slot: "a", digest, version: "v1" });
  const { loaderData, memory, loader } = machineOn(image);
  expect(loaderData.record).toEqual({
    gen: 1,
    good: "a",
    trial: undefined,
    tries: 0,
    limit: 4,
    last: undefined,
  });
  expect(loader.startProblem("a")).toBeUndefined();
  expect(memory.state).toMatchObject({
    slots: {
      a: { status: "written", digest, verdict: { result: "good", reason: "installed" } },
      b: { status: "empty" },
    },
    history: [{ kind: "install", slot: "a", digest }],
  });
  const next = await upgradeTo("v2", machineOn(image, FIRST_BOOT));
  expect(next).toMatchObject({ outcome: "upgraded", slot: "b" });
});

test("the first system of a disk goes into slot a, and a dry run changes nothing", async () => {
  const image = blank();
  for (const slot of ["b", "recovery"] as const)
    expect(await rejection(upgradeTo("v1", machineOn(image), { slot }))).toMatchObject({
      code: "disk",
      message: `Cannot write slot ${slot}: the first system of a disk goes into slot a`,
    });
  expect(await upgradeTo("v1", machineOn(image), { dryRun: true })).toMatchObject({
    outcome: "planned",
    slot: "a",
  });
  expect(image.bytes().every((byte) => byte === 0)).toBe(true);
});

test("a first upgrade that failed leaves a disk that is new, and the next one succeeds", async () => {
  const image = blank();
  const broken = {
    ...memorySource("v1"),
    blob() {
      throw new Error("the registry went away");
    },
  };
  for (let times = 0; times < 2; times += 1) {
    await rejection(upgradeTo(broken, machineOn(image)));
    expect(isNewDisk(machineOn(image))).toBe(true);
    expect(statusOf(machineOn(image)).slots[0]).toMatchObject({ status: "writing" });
    expect(whyOf(machineOn(image))).toMatchObject({ about: "unfinished", slot: "a" });
  }
  expect(await upgradeTo("v1", machineOn(image))).toMatchObject({ outcome: "installed" });
});

const OTHERS: readonly [string, () => Promise<Machine> | Machine][] = [
  ["the machine runs from it", () => machineOn(blank(), FIRST_BOOT)],
  ["slots hold systems of ours", async () => machineOn(wipedControl(await upgraded()))],
  [
    "only recovery holds one",
    async () => {
      const image = await installed();
      const disk = PagedImage.zeros(DISK_BYTES + 8 * MiB);
      disk.write(DISK_BYTES, relabelled(image.bytes().slice(MiB, 9 * MiB), "tandem-recovery"));
      return machineOn(disk);
    },
  ],
  [
    "the system in a slot is damaged",
    async () => {
      const image = wipedControl(await installed());
      image.write(MiB + 1024, new Uint8Array(16));
      return machineOn(image);
    },
  ],
  [
    "there is something else in the control partition",
    () => {
      const image = blank();
      image.write(0x20000, Uint8Array.of(1));
      return machineOn(image);
    },
  ],
  [
    "both records are lost and a slot has a verdict",
    async () => {
      const image = await installed();
      for (const at of [0, 0x1000]) image.write(at, new Uint8Array(1024));
      return machineOn(image);
    },
  ],
  [
    "both records are lost and a slot was armed",
    async () => {
      const image = blank();
      await upgradeTo("v1", machineOn(image));
      await upgradeTo("v2", machineOn(image));
      for (const at of [0, 0x1000]) image.write(at, new Uint8Array(1024));
      return machineOn(image);
    },
  ],
];
test.each(OTHERS)("a disk without a record is not new where %s", async (_, make) => {
  const machine = await make();
  expect(machine.loaderData.record).toBeUndefined();
  expect(isNewDisk(machine)).toBe(false);
  expect(statusOf(machine)).toMatchObject({ noSystem: false });
  expect(statusOf(machine).problems).not.toEqual([]);
  await expect(upgradeTo("v9", machine)).rejects.toMatchObject({ code: "boot" });
});

test("with systemd-boot, a disk with a wiped control partition is not new while there are entries", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  const { control, a } = PLACES;
  image.write(control.offsetBytes, new Uint8Array(control.sizeBytes));
  image.write(a.offsetBytes, new Uint8Array(4096));
  expect(isNewDisk(machineWith(image.file()))).toBe(false);
  expect(isNewDisk(machineWith((await newDisk("systemd-boot")).file()))).toBe(true);
});

test("doctor says that no system is installed, and has nothing to repair", async () => {
  const machine = machineWith((await newDisk()).file());
  const findings = examineMachine({ ...machine, esp: NO_ESP });
  expect(findings.filter(({ repair }) => repair !== undefined)).toEqual([]);
  expect(findings).toContainEqual(
    expect.objectContaining({ verdict: "warn", text: "no system was installed on the disk yet" }),
  );
  expect(findings.map(({ subject }) => subject)).not.toContain("boot record");
});

function wipedControl(image: PagedImage): PagedImage {
  image.write(0, new Uint8Array(MiB));
  return image;
}

function relabelled(slot: Uint8Array, label: string): Uint8Array {
  slot.fill(0, 1024 + 0x78, 1024 + 0x88);
  slot.set(Buffer.from(label), 1024 + 0x78);
  return slot;
}
