/** The stories in which the boot loader decides, on machines with OVMF and the real systemd-boot. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { command } from "../../scripts/disk/command.ts";
import { partOf, type Disk } from "../../scripts/disk.ts";
import type { Status } from "../../src/verdict/status.ts";
import { entriesOf } from "./esp-entries.ts";
import type { Guest } from "./guest.ts";
import { makeWorld, type Version, type World } from "./story.ts";

setDefaultTimeout(3_600_000);

let world: World;
beforeAll(async () => {
  world = await makeWorld({ loader: "systemd-boot" });
});
afterAll(() => world[Symbol.asyncDispose]());

const powerOn = (disk: Disk): Guest => world.powerOn(disk, { firmware: "efi" });

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

async function upgradeTo(guest: Guest, version: Version, flags = ""): Promise<void> {
  await guest.start(`tandem upgrade ${world.from(version)} ${flags} --reboot`);
  await guest.machine.expectLine(/reboot: Restarting system/, 600);
}

function faultsOf(disk: Disk): string[] {
  const { offsetBytes, sizeBytes } = partOf(disk, "esp");
  const copy = `${disk.path}.esp`;
  const [skip, count] = [offsetBytes, sizeBytes].map((bytes) => bytes / 1024 ** 2);
  command(["dd", `if=${disk.path}`, `of=${copy}`, "bs=1M", `skip=${skip}`, `count=${count}`]);
  const output = Bun.spawnSync(["/usr/sbin/fsck.fat", "-n", copy]).stdout.toString();
  return output.split("\n").filter((line) => !/^fsck\.fat |files, .* clusters$|^$/.test(line));
}

test("an upgrade to a healthy system becomes good, and so does the rollback", async () => {
  const disk = world.newDisk();
  expect(entriesOf(disk)).toEqual(["tandem-a.conf"]);
  await using guest = powerOn(disk);
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await upgradeTo(guest, "2");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
  expect(await statusOf(guest)).toMatchObject({ booted: "b", record: { good: "b", last: "a" } });
  await guest.start("tandem rollback --reboot");
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  expect((await statusOf(guest)).record).toMatchObject({ good: "a", tries: 0 });
  await guest.machine.cut();
  expect(faultsOf(disk)).toEqual([]);
});

test("a system that panics uses up its tries, then the old one boots and records it", async () => {
  const disk = world.newDisk();
  await using guest = powerOn(disk);
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await guest.machine.expectLine(/^E2E: ready/, 600);
  await upgradeTo(guest, "panics", "--tries 2");
  expect(entriesOf(disk)).toContain("tandem-b+2.conf");
  expect(await next(guest)).toBe("b panics");
  expect(entriesOf(disk)).toContain("tandem-b+1-1.conf");
  expect(await next(guest)).toBe("b panics");
  expect(entriesOf(disk)).toContain("tandem-b+0-2.conf");
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  const status = await statusOf(guest);
  expect(status).toMatchObject({ booted: "a", record: { good: "a" } });
  expect(status.record?.trial).toBeUndefined();
  expect(status.slots.find(({ slot }) => slot === "b")).toMatchObject({ verdict: "bad" });
  const again = await guest.run(`tandem upgrade ${world.from("panics")}`);
  expect(again.status).toBe(6);
  await upgradeTo(guest, "2");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
});

test("a system whose checks fail is given up", async () => {
  await using guest = powerOn(world.newDisk());
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await guest.machine.expectLine(/^E2E: ready/, 600);
  await upgradeTo(guest, "unhealthy", "--tries 1");
  expect(await settled(guest)).toMatch(/^b unhealthy: Slot b failed: /);
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  const { knownBad } = await statusOf(guest);
  expect(knownBad[0]?.reason).toContain("50-app ended with status 3");
});

test("an upgrade uses the mount of a mounted ESP", async () => {
  const disk = world.newDisk();
  await using guest = powerOn(disk);
  expect(await settled(guest)).toBe("a 1: Slot a is good");
  await guest.machine.expectLine(/^E2E: ready/, 600);
  await guest.run("mkdir /run/efi");
  expect((await guest.run("mount -t vfat -o ro /dev/vda2 /run/efi")).status).toBe(0);
  const refused = await guest.run(`tandem upgrade ${world.from("2")}`);
  expect(refused.status).toBe(9);
  expect(refused.output).toContain("Cannot write to the ESP at /run/efi: it is mounted read-only");
  await guest.run("mount -o remount,rw /run/efi");
  await upgradeTo(guest, "2");
  expect(entriesOf(disk)).toContain("tandem-b+3.conf");
  expect(await settled(guest)).toBe("b 2: Slot b is good");
});
