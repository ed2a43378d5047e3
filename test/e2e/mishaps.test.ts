/** Accidents of machines with the real GRUB. Where only GRUB decides, a probe takes the place of Linux. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { partOf, type Disk } from "../../scripts/disk.ts";
import { command } from "../../scripts/disk/command.ts";
import { writeAt } from "../../scripts/disk/write-at.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { linux } from "../../src/system/linux.ts";
import { type Diagnosis, doctor } from "../../src/doctor/doctor.ts";
import { machineWith } from "../fakes/whole-disk.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { upgradeTo } from "../upgrade/disk.ts";
import { limitParallel } from "./limit-parallel.ts";
import type { Guest } from "./guest.ts";
import { makeProbeMachine, probeBoots, probeSource } from "./probe-machine.ts";
import { makeWorld, type World } from "./story.ts";

setDefaultTimeout(1_800_000);
/** An emulated machine keeps one processor busy. */
const limited = limitParallel(availableParallelism());
const story = (name: string, run: () => Promise<void>): void => {
  test.concurrent(name, () => limited(run));
};

const folder = await temporaryFolder();
let world: World;
/** v1 in slot a, v2 on trial in slot b, and a probe in both. */
let probe: Disk;
beforeAll(async () => {
  world = await makeWorld();
  probe = await makeProbeMachine(folder.in("probe.img"));
  const image = PagedImage.of(readFileSync(probe.path));
  await upgradeTo(probeSource("v2"), machineWith(image.file(), "tandem.slot=a tandem.gen=1"));
  writeFileSync(probe.path, image.bytes());
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Copies the disk, with one change in its EFI system partition. */
function probeWith(change: (image: readonly string[]) => void): string {
  const path = folder.in(`${crypto.randomUUID()}.img`);
  copyFileSync(probe.path, path);
  change(["-i", `${path}@@${partOf(probe, "esp").offsetBytes}`]);
  return path;
}

/** Replaces the scratch file by a text. */
function scratch(text: string): (image: readonly string[]) => void {
  return (image) => {
    command(["mdel", ...image, "::/tandem/tries"]);
    const file = folder.in(crypto.randomUUID());
    writeFileSync(file, text);
    command(["mcopy", ...image, file, "::/tandem/tries"]);
  };
}

function fix(disk: string): Promise<Diagnosis> {
  const work = { system: linux, talk: SILENT, signal: new AbortController().signal };
  return doctor(work, { disk }, { fix: true, verify: true });
}

const UNCOUNTED = "slot=a gen=2 uncounted image=v1";
const SCRATCHES = [
  {
    name: "is missing",
    change: (image: readonly string[]) => void command(["mdel", ...image, "::/tandem/tries"]),
  },
  { name: "is empty", change: scratch("") },
  { name: "is too short for a count", change: scratch("# GRUB Environment Block\n") },
  { name: "holds something else", change: scratch("x".repeat(1024)) },
];

for (const { name, change } of SCRATCHES)
  story(`a scratch file that ${name}: no trial boots until doctor replaces it`, async () => {
    const disk = probeWith(change);
    expect(await probeBoots(disk, 2)).toEqual([UNCOUNTED, UNCOUNTED]);
    expect((await fix(disk)).repaired).toEqual(["replace /tandem/tries"]);
    expect(await probeBoots(disk, 2)).toEqual([
      "slot=b gen=2 left=2 image=v2",
      "slot=b gen=2 left=1 image=v2",
    ]);
  });

story("a trial whose power is cut before user space runs is counted, and given up", async () => {
  const disk = probeWith(() => undefined);
  const boots: string[] = [];
  // Cuts the power each time as soon as the kernel has started.
  for (let times = 0; times < 4; times += 1) boots.push(...(await probeBoots(disk, 1)));
  expect(boots).toEqual([
    "slot=b gen=2 left=2 image=v2",
    "slot=b gen=2 left=1 image=v2",
    "slot=b gen=2 left=0 image=v2",
    "slot=a gen=2 fell=b why=tries image=v1",
  ]);
});

story(
  "a wiped control partition: GRUB shows the menu until doctor finds the systems in the slots",
  async () => {
    const disk = probeWith(() => undefined);
    const { offsetBytes, sizeBytes } = partOf(probe, "control");
    writeAt(disk, offsetBytes, new Uint8Array(sizeBytes));
    expect(await probeBoots(disk, 1)).toEqual(["tandem: menu, no slot can be loaded (gen 0)"]);
    const { repaired } = await fix(disk);
    expect(repaired.at(-1)).toBe("write a new boot record: slot a is good");
    // The number is larger than the one in the new state.
    expect(await probeBoots(disk, 1)).toEqual(["slot=a gen=2 image=v1"]);
  },
);

/** "a 1: Slot a is good": the booted slot and version, and tandem's message at boot. */
async function settled(guest: Guest): Promise<string> {
  const { slot, version } = await guest.booted();
  const message = await guest.machine.expectLine(/^Slot |^tandem: Cannot/, 600);
  await guest.machine.expectLine(/^E2E: ready/, 600);
  return `${slot} ${version}: ${message}`;
}

story("Ctrl-C, a clock that shows 1970, and two upgrades before a restart", async () => {
  await using guest = world.powerOn(world.newDisk(), { clock: "1970-01-01" });
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await guest.start(`setsid cttyhack tandem upgrade ${world.from("2")}`);
  await guest.machine.expectLine(/unpacking: [1-9]\d %/, 600);
  await guest.machine.type("\u0003");
  expect(await guest.machine.expectLine(/^E2E: status/, 600)).toBe("E2E: status 130");
  expect((await guest.run("tandem status")).output).toContain("slot b    passive, writing");
  const diagnosis = await guest.run("tandem doctor");
  expect(diagnosis.output).toContain("warn      clock: it shows 1970-01-01");
  expect(diagnosis.output).toContain("warn      slot b: an upgrade of it began and has not ended");
  expect(diagnosis.status).toBe(0);
  expect((await guest.run(`tandem upgrade ${world.from("panics")}`)).status).toBe(0);
  expect((await guest.run(`tandem upgrade ${world.from("2")}`)).status).toBe(0);
  await guest.start("reboot -f");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
});

story("a machine that cannot count boots reports it, and can repair itself", async () => {
  const disk = world.newDisk();
  {
    await using guest = world.powerOn(disk);
    expect(await settled(guest)).toBe("a 1: Slot a is good");
    expect((await guest.run(`tandem upgrade ${world.from("2")}`)).status).toBe(0);
  }
  const { offsetBytes } = partOf(disk, "esp");
  command(["mdel", "-i", `${disk.path}@@${offsetBytes}`, "::/tandem/tries"]);
  await using guest = world.powerOn(disk);
  // The trial is not started, because it could not be counted.
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  expect((await guest.run("tandem status")).output).toContain("not counted");
  const sick = await guest.run("tandem doctor");
  expect(sick.status).toBe(9);
  expect(sick.output).toContain("bad       GRUB's count: /tandem/tries is not there");
  expect((await guest.run("tandem doctor --fix")).status).toBe(0);
  await guest.start("reboot -f");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
  await guest.run("dd if=/dev/zero of=/dev/vda3 bs=1M count=1 conv=notrunc");
  expect((await guest.run("tandem doctor")).status).toBe(8);
  const cured = await guest.run("tandem doctor --fix");
  expect(cured.status).toBe(0);
  expect(cured.output).toContain("repaired  write a new boot record: slot b is good");
  await guest.start("reboot -f");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
});
