/** Every story of the README on a virtual machine: real GRUB, real Linux, real registry, dist/tandem. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { availableParallelism } from "node:os";
import { partOf, type Disk } from "../../scripts/disk.ts";
import { writeAt } from "../../scripts/disk/write-at.ts";
import type { Status } from "../../src/verdict/status.ts";
import { limitParallel } from "./limit-parallel.ts";
import type { Guest } from "./guest.ts";
import { makeWorld, type Version, type World } from "./story.ts";

setDefaultTimeout(3_600_000);

/** An emulated machine keeps one processor busy. */
const limited = limitParallel(availableParallelism());
const story = (name: string, run: () => Promise<void>): void => {
  test.concurrent(name, () => limited(run));
};

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** "b 2": the slot and the version of the next booted system. */
async function next(guest: Guest): Promise<string> {
  const { slot, version } = await guest.booted();
  return `${slot} ${version}`;
}

/** The same, with tandem's message at boot. */
async function settled(guest: Guest): Promise<string> {
  const came = await next(guest);
  return `${came}: ${await guest.machine.expectLine(/^Slot |^tandem: Cannot/, 600)}`;
}

async function statusOf(guest: Guest): Promise<Status> {
  await guest.machine.expectLine(/^E2E: ready/, 600);
  const { output } = await guest.run("tandem status --json 2> /dev/null");
  return JSON.parse(output.slice(output.indexOf("{"))) as Status;
}

/** Upgrades a booted machine, and waits until it restarts. */
async function upgradeTo(guest: Guest, version: Version, flags = ""): Promise<void> {
  await guest.start(`tandem upgrade ${world.from(version)} ${flags} --reboot`);
  await guest.machine.expectLine(/reboot: Restarting system/, 600);
}

story("an upgrade to a healthy system becomes good, and so does the rollback", async () => {
  await using guest = world.powerOn(world.newDisk());
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await upgradeTo(guest, "2");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
  expect(await statusOf(guest)).toMatchObject({ booted: "b", record: { good: "b" } });
  await guest.start("tandem rollback --reboot");
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  expect((await statusOf(guest)).record).toMatchObject({ good: "a", tries: 0 });
});

story("under EFI an upgrade is counted and kept in the same way", async () => {
  await using guest = world.powerOn(world.newDisk(), { firmware: "efi" });
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await upgradeTo(guest, "panics", "--tries 1");
  expect(await next(guest)).toBe("b panics");
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await guest.machine.expectLine(/^E2E: ready/, 600);
  await upgradeTo(guest, "2");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
});

story("a system that panics uses up its tries, then the old one boots and records it", async () => {
  await using guest = world.powerOn(world.newDisk());
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await upgradeTo(guest, "panics", "--tries 2");
  expect(await next(guest)).toBe("b panics");
  expect(await next(guest)).toBe("b panics");
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  const status = await statusOf(guest);
  expect(status).toMatchObject({ booted: "a", fell: "b", record: { good: "a" } });
  expect(status.record?.trial).toBeUndefined();
  expect(status.slots.find(({ slot }) => slot === "b")).toMatchObject({ verdict: "bad" });
  const again = await guest.run(`tandem upgrade ${world.from("panics")}`);
  expect(again.status).toBe(6);
  const other = await guest.run(`tandem upgrade ${world.from("2")}`);
  expect(other.status).toBe(0);
});

story("a system whose checks fail is given up", async () => {
  await using guest = world.powerOn(world.newDisk());
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await upgradeTo(guest, "unhealthy", "--tries 2");
  const failed = "Slot b failed: /etc/tandem/required.d/50-app ended with status 3";
  expect(await settled(guest)).toBe(`b unhealthy: ${failed}`);
  expect(await settled(guest)).toBe(`b unhealthy: ${failed}`);
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  const { knownBad } = await statusOf(guest);
  expect(knownBad[0]?.reason).toContain("50-app ended with status 3");
});

story("a system that hangs is given up when its tries are used up by power cuts", async () => {
  const disk = world.newDisk();
  {
    await using guest = world.powerOn(disk);
    expect(await settled(guest)).toBe("a 1: Slot a is good");
    await upgradeTo(guest, "hangs", "--tries 2");
    expect(await next(guest)).toBe("b hangs");
  }
  {
    await using guest = world.powerOn(disk);
    expect(await next(guest)).toBe("b hangs");
  }
  await using guest = world.powerOn(disk);
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  expect(await statusOf(guest)).toMatchObject({ booted: "a", fell: "b" });
});

story(
  "a power cut during an upgrade: the old system boots, and the upgrade works the second time",
  async () => {
    const disk = world.newDisk();
    for (const moment of [/Plan 5/, /unpacking: [2-9]\d %/, /Reading back/]) {
      await using guest = world.powerOn(disk);
      expect(await settled(guest)).toBe("a 1: Slot a is good");
      // On a terminal tandem draws each percent.
      await guest.start(`setsid cttyhack tandem upgrade ${world.from("2")} --reboot`);
      await guest.machine.expectLine(moment, 600);
      await guest.machine.cut();
    }
    await using guest = world.powerOn(disk);
    expect(await settled(guest)).toBe("a 1: Slot a is good");
    await upgradeTo(guest, "2");
    expect(await settled(guest)).toBe("b 2: Slot b is good");
  },
);

story("an upgrade from a USB stick needs no network", async () => {
  await using guest = world.powerOn(world.newDisk());
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await guest.run("ip link set eth0 down");
  await guest.start("tandem upgrade --source oci-archive:/data/guest.tar --reboot");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
});

story("a trial that is cancelled before the restart is not booted", async () => {
  await using guest = world.powerOn(world.newDisk());
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  const { status } = await guest.run(`tandem upgrade ${world.from("panics")}`);
  expect(status).toBe(0);
  expect((await guest.run("tandem rollback")).output).toContain("The trial is withdrawn");
  await guest.start("reboot -f");
  expect(await settled(guest)).toBe("a 1: Slot a is good");
});

story(
  "with both copies of the record lost the slot of the installation boots, and a new record is written there",
  async () => {
    const disk = world.newDisk();
    loseRecords(disk);
    await using guest = world.powerOn(disk);
    expect(await guest.machine.expectLine(/^tandem: /, 600)).toBe(
      "tandem: good a, no valid record (gen 0)",
    );
    expect(await next(guest)).toBe("a 1");
    await guest.machine.expectLine(/^E2E: ready/, 600);
    const marked = await guest.run("tandem mark good");
    expect(marked.output).toContain("Slot a is marked good");
    await guest.start("reboot -f");
    expect(await guest.machine.expectLine(/^tandem: /, 600)).toMatch(/^tandem: good a \(gen [1-9]/);
  },
);

function loseRecords(disk: Disk): void {
  const { offsetBytes } = partOf(disk, "control");
  for (const copyBytes of [0, 4096])
    writeAt(disk.path, offsetBytes + copyBytes, new Uint8Array(1024));
}

story("verify finds a slot whose bytes have changed", async () => {
  const disk = world.newDisk();
  await using guest = world.powerOn(disk);
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  expect((await guest.run("tandem verify a")).status).toBe(0);
  await guest.run(`tandem upgrade ${world.from("2")}`);
  await guest.run("dd if=/dev/urandom of=/dev/vda5 bs=1 seek=9000000 count=1 conv=notrunc");
  const { status, output } = await guest.run("tandem verify b");
  expect(status).toBe(6);
  expect(output).toContain("slot b");
});
