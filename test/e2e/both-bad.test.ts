/**
 * Tests the fallback when the good system fails too. GRUB reads what tandem wrote, and tandem reads GRUB's kernel
 * options. The kernel is a probe that prints its options and resets. The test plays the user space.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { makeDisk, partOf, type Disk } from "../../scripts/disk.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import { writeAt } from "../../scripts/disk/write-at.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { KiB, MiB } from "../../src/lib/units.ts";
import { parseCmdline } from "../../src/slot/cmdline.ts";
import type { PartitionSlot } from "../../src/slot/slot.ts";
import { linux } from "../../src/system/linux.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { markGood, recordFall } from "../../src/verdict/mark.ts";
import { openMachine } from "../../src/machine/open-machine.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { upgrade } from "../../src/upgrade/upgrade.ts";
import { verify } from "../../src/upgrade/verify.ts";
import { whyOf } from "../../src/verdict/why.ts";
import { rejection } from "../fakes/source.ts";
import { writeImage } from "../peers/image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { startMachine } from "./machine.ts";
import { copyDisk } from "./probe-disk.ts";
import { probeKernel } from "./probe-kernel.ts";
import { initrdOf } from "../fakes/boot-files.ts";

/** GRUB decides half a second after the start. The limit allows for a busy machine. */
const BOOT_SECONDS = 300;
setDefaultTimeout(1_800_000);

const VERSIONS = ["1", "2", "rescue"] as const;
const work = { system: linux, talk: SILENT, signal: new AbortController().signal };
const folder = await temporaryFolder();
let base: Disk;
beforeAll(async () => {
  for (const version of VERSIONS) {
    const tar = [
      { path: "boot/vmlinuz", data: probeKernel() },
      { path: "boot/initrd", data: initrdOf("nothing of it is read") },
      { path: "etc/os-release", data: `VERSION=${version}\n` },
      { path: "etc/kernel/cmdline", data: `version=${version}\n` },
    ];
    await writeImage(folder.in("layout"), { layers: [{ tar }], tag: version });
  }
  const path = folder.in("base.img");
  base = makeDisk({ path, slotBytes: 8 * MiB, recoveryBytes: 8 * MiB, serial: 0 });
  await installFirst(base, { source: source("1"), limit: 1 });
});
afterAll(() => folder[Symbol.asyncDispose]());

function source(version: (typeof VERSIONS)[number]): string {
  return `oci-layout:${folder.in("layout")}:${version}`;
}

/** The disk with version 1 in slot a, which is good for one boot without a verdict. */
function newDisk(): Disk {
  return copyDisk(base, folder.in(`${crypto.randomUUID()}.img`));
}

interface Boot {
  /** The lines "tandem: …" that GRUB printed. */
  readonly messages: readonly string[];
  /** The kernel command line. Empty when no kernel was started. */
  readonly cmdline: string;
}

/** Runs the machine for this many boots, or until GRUB shows its menu. */
async function watch(disk: Disk, count: number): Promise<Boot[]> {
  await using machine = startMachine({ disks: [disk.path] });
  const boots: Boot[] = [];
  let messages: string[] = [];
  while (boots.length < count) {
    const line = await machine.expectLine(/^tandem: |^BOOT_IMAGE=/, BOOT_SECONDS);
    if (line.startsWith("tandem: ")) messages.push(line.slice("tandem: ".length));
    const isEnd = line.startsWith("BOOT_IMAGE=") || line.startsWith("tandem: menu");
    if (!isEnd) continue;
    boots.push({ messages, cmdline: line.startsWith("BOOT_IMAGE=") ? line : "" });
    messages = [];
  }
  return boots;
}

/** "b 2": the slot and the version that booted. GRUB's last line when none booted. */
function came({ messages, cmdline }: Boot): string {
  const version = /\bversion=(\S+)/.exec(cmdline)?.[1];
  return version === undefined
    ? (messages.at(-1) ?? "")
    : `${parseCmdline(cmdline).slot} ${version}`;
}

/** Does what the user space of the booted system would do. */
async function inside<T>(
  disk: Disk,
  cmdline: string,
  act: (machine: Machine) => Promise<T>,
): Promise<T> {
  const machine = openMachine(linux, { disk: disk.path, write: true });
  const boot = parseCmdline(cmdline);
  try {
    return await act({ ...machine, booted: boot.slot, cmdline: boot });
  } finally {
    machine.close();
  }
}

function healthy(machine: Machine): Promise<unknown> {
  return recordFall(machine).then(() => markGood(machine, undefined, "the test says so"));
}

function upgradeTo(
  machine: Machine,
  version: (typeof VERSIONS)[number],
  slot?: PartitionSlot,
): Promise<unknown> {
  const options = { tries: 1, reboot: false, retryBad: true, dryRun: false, slot };
  const request = { ...options, source: source(version), jobs: 1, insecureRegistries: [] };
  return upgrade(work, machine, request);
}

const FIRST = "tandem.slot=a tandem.gen=1";

/** Version 2 in slot b is good, and version 1 is in slot a. */
async function upgraded(disk: Disk): Promise<void> {
  await inside(disk, FIRST, (machine) => upgradeTo(machine, "2"));
  const [boot] = await watch(disk, 1);
  expect(came(boot as Boot)).toBe("b 2");
  await inside(disk, (boot as Boot).cmdline, healthy);
}

/** Destroys the beginning of a slot. */
function lose(disk: Disk, slot: PartitionSlot): void {
  writeAt(disk.path, partOf(disk, slot).offsetBytes, new Uint8Array(64 * KiB));
}

test("when the good slot is lost, the other one boots and becomes good when its checks pass", async () => {
  const disk = newDisk();
  await upgraded(disk);
  lose(disk, "b");
  const [boot] = await watch(disk, 1);
  expect(boot?.messages).toEqual([
    "good b, boots left: 0 (gen 3)",
    "cannot load slot b",
    "last a, good b cannot be loaded (gen 3)",
  ]);
  expect(came(boot as Boot)).toBe("a 1");
  await inside(disk, boot?.cmdline ?? "", healthy);
  const boots = await watch(disk, 2);
  expect(boots.map((one) => one.messages.at(-1))).toEqual([
    "good a, boots left: 0 (gen 4)",
    "menu, good a has no boots left (gen 4)",
  ]);
});

test("when both slots are lost, recovery boots, explains why, and repairs the machine", async () => {
  const disk = newDisk();
  await upgraded(disk);
  await inside(disk, "tandem.slot=b tandem.gen=3", (machine) =>
    upgradeTo(machine, "rescue", "recovery"),
  );
  lose(disk, "a");
  lose(disk, "b");
  const [boot, again] = await watch(disk, 2);
  expect(came(boot as Boot)).toBe("recovery rescue");
  expect(came(again as Boot)).toBe("recovery rescue");
  const { story } = await inside(disk, again?.cmdline ?? "", async (machine) => {
    await healthy(machine);
    const reason = whyOf(machine);
    await upgradeTo(machine, "2");
    return reason;
  });
  expect(story.at(-1)?.text).toContain("slot b was given up");
  const [mended] = await watch(disk, 1);
  expect(came(mended as Boot)).toBe("a 2");
});

test("when neither the trial nor the good slot reports, each uses up its boots, then recovery boots", async () => {
  const disk = newDisk();
  await inside(disk, FIRST, async (machine) => {
    await upgradeTo(machine, "rescue", "recovery");
    await upgradeTo(machine, "2");
  });
  const boots = await watch(disk, 4);
  expect(boots.map(came)).toEqual(["b 2", "a 1", "recovery rescue", "recovery rescue"]);
  await inside(disk, boots.at(-1)?.cmdline ?? "", healthy);
  const [after] = await watch(disk, 1);
  expect(came(after as Boot)).toBe("recovery rescue");
  const stages = await inside(disk, after?.cmdline ?? "", (machine) =>
    Promise.resolve(machine.memory.state.falls?.map(({ slot, stage }) => `${slot} ${stage}`)),
  );
  expect(stages).toEqual(["b silent", "a limit"]);
});

test("when the good slot stops reporting, the other one gets as many boots, then recovery boots", async () => {
  const disk = newDisk();
  await upgraded(disk);
  await inside(disk, "tandem.slot=b tandem.gen=3", (machine) =>
    upgradeTo(machine, "rescue", "recovery"),
  );
  const boots = await watch(disk, 3);
  expect(boots.map(came)).toEqual(["b 2", "a 1", "recovery rescue"]);
});

test("when both are bad and there is no recovery, GRUB shows the menu and the reason", async () => {
  const disk = newDisk();
  await inside(disk, FIRST, (machine) => upgradeTo(machine, "2"));
  const boots = await watch(disk, 3);
  expect(boots.map(came)).toEqual(["b 2", "a 1", "menu, good a has no boots left (gen 2)"]);
});

test("GRUB does not fall back to a slot in which damage was found", async () => {
  const disk = newDisk();
  await upgraded(disk);
  // The damage is not in GRUB's files: GRUB could start the slot.
  const { offsetBytes } = partOf(disk, "a");
  const at = readFileSync(disk.path).indexOf("VERSION=1", offsetBytes);
  writeAt(disk.path, at, new TextEncoder().encode("VERSION=9"));
  const found = await inside(disk, "tandem.slot=b tandem.gen=3", (machine) =>
    rejection(verify(work, machine, "a")),
  );
  expect(found).toMatchObject({ code: "content" });
  const boots = await watch(disk, 2);
  expect(boots.map(came)).toEqual(["b 2", "menu, good b has no boots left (gen 4)"]);
});

test("an operator can roll back to any slot", async () => {
  const disk = newDisk();
  await upgraded(disk);
  await inside(disk, "tandem.slot=b tandem.gen=3", async (machine) => {
    await upgradeTo(machine, "rescue", "recovery");
    await rollback(machine, 1, "recovery");
  });
  const [tried, back] = await watch(disk, 2);
  expect([tried, back].map((boot) => came(boot as Boot))).toEqual(["recovery rescue", "b 2"]);
  await inside(disk, back?.cmdline ?? "", async (machine) => {
    await healthy(machine);
    await rollback(machine, 1, "a");
  });
  const [other] = await watch(disk, 1);
  expect(came(other as Boot)).toBe("a 1");
});
