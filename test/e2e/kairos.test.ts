/** The lifecycle of a Kairos machine as its documentation has it, with tandem as kairos-agent: real GRUB, real Linux, real registry. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Status } from "../../src/verdict/status.ts";
import type { Guest } from "./guest.ts";
import { makeKairosWorld, type KairosVersion, type KairosWorld } from "./kairos-world.ts";

/** For a machine that is busy with other things: a boot takes about twenty seconds. */
const BOOT_SECONDS = 600;
setDefaultTimeout(3_600_000);

let world: KairosWorld;
beforeAll(async () => {
  world = await makeKairosWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** "active v0.2.0": the image and the version of the next system that starts. */
async function next({ machine }: Guest): Promise<string> {
  const line = await machine.expectLine(/^KAIROS: image=/, BOOT_SECONDS);
  return line.replace(/^KAIROS: image=\/cOS\/(\w+)\.img version=(\S+) .*/, "$1 $2");
}

/** The same, with tandem's verdict. */
async function settled(guest: Guest): Promise<string> {
  const came = await next(guest);
  return `${came}: ${await guest.machine.expectLine(/^Slot |^tandem: Cannot/, BOOT_SECONDS)}`;
}

/** Waits until the machine reads commands. */
async function ready({ machine }: Guest): Promise<void> {
  await machine.expectLine(/^E2E: ready/, BOOT_SECONDS);
}

async function statusOf(guest: Guest): Promise<Status> {
  const { output } = await guest.run("tandem status --json 2> /dev/null");
  return JSON.parse(output.slice(output.indexOf("{"))) as Status;
}

/** The first two commands of the documentation. */
async function upgradeTo(guest: Guest, version: KairosVersion): Promise<void> {
  const done = await guest.run(`kairos-agent upgrade --source oci:${world.image(version)}`);
  expect(done).toMatchObject({ status: 0, output: expect.stringContaining("Upgrade completed") });
  await guest.start("reboot -f");
}

/** The third command of the documentation. */
async function versionOf(guest: Guest): Promise<string> {
  return (await guest.run("cat /etc/kairos-release | grep KAIROS_VERSION")).output;
}

test("the three commands of the documentation upgrade a machine, and with an older tag they go back", async () => {
  await using guest = world.powerOn();
  expect(await settled(guest)).toBe("active v0.1.0: Slot active is good");
  await ready(guest);
  await upgradeTo(guest, "0.2.0");
  expect(await settled(guest)).toBe("active v0.2.0: Slot active is good");
  await ready(guest);
  expect(await versionOf(guest)).toBe('KAIROS_VERSION="v0.2.0"');
  expect(await statusOf(guest)).toMatchObject({ booted: "active", record: { good: "active" } });
  await upgradeTo(guest, "0.1.0");
  expect(await settled(guest)).toBe("active v0.1.0: Slot active is good");
  await ready(guest);
  expect(await versionOf(guest)).toBe('KAIROS_VERSION="v0.1.0"');
});

/** Expects that the system before the upgrade is back, is good, and can tell why. */
async function expectBack(guest: Guest, version: KairosVersion): Promise<void> {
  expect(await settled(guest)).toBe("passive v0.1.0: Slot passive is good");
  await ready(guest);
  const status = await statusOf(guest);
  expect(status).toMatchObject({ booted: "passive", record: { good: "passive", tries: 0 } });
  expect(status.record?.trial).toBeUndefined();
  expect(status.slots.find(({ slot }) => slot === "active")).toMatchObject({
    version: `v${version}`,
    verdict: "bad",
  });
  expect(status.knownBad).toHaveLength(1);
  expect((await guest.run("cat /run/cos/upgrade_failure")).output).toBe("1");
}

test("a system that panics at once leads back to the one before it, which stays and can be upgraded", async () => {
  await using guest = world.powerOn();
  expect(await settled(guest)).toBe("active v0.1.0: Slot active is good");
  await ready(guest);
  await upgradeTo(guest, "0.3.0");
  expect(await next(guest)).toBe("active v0.3.0");
  await expectBack(guest, "0.3.0");
  expect((await guest.run("tandem why")).output).toContain("active");
  const again = await guest.run(`kairos-agent upgrade --source oci:${world.image("0.3.0")}`);
  expect(again).toMatchObject({ status: 1, output: expect.stringContaining("was rolled back") });
  await upgradeTo(guest, "0.2.0");
  expect(await settled(guest)).toBe("active v0.2.0: Slot active is good");
});

test("a system whose checks fail restarts into the one before it", async () => {
  await using guest = world.powerOn();
  expect(await settled(guest)).toBe("active v0.1.0: Slot active is good");
  await ready(guest);
  await upgradeTo(guest, "0.4.0");
  const failed = "Slot active failed: /etc/tandem/required.d/50-app ended with status 3";
  expect(await settled(guest)).toBe(`active v0.4.0: ${failed}`);
  await expectBack(guest, "0.4.0");
  expect((await guest.run("tandem why")).output).toContain("The app is down");
});

test("a system that hangs is reset by the watchdog, and the one before it starts", async () => {
  await using guest = world.powerOn();
  expect(await settled(guest)).toBe("active v0.1.0: Slot active is good");
  await ready(guest);
  await upgradeTo(guest, "0.5.0");
  expect(await next(guest)).toBe("active v0.5.0");
  await guest.machine.expectLine(/^Watchdog \/dev\/watchdog0 resets this machine in 30 s/, 600);
  await expectBack(guest, "0.5.0");
});

test("the recovery system is upgraded, can be chosen for one boot, and upgrades the active one", async () => {
  await using guest = world.powerOn();
  expect(await settled(guest)).toBe("active v0.1.0: Slot active is good");
  await ready(guest);
  const source = `--source oci:${world.image("0.2.0")}`;
  const stored = await guest.run(`kairos-agent upgrade --recovery ${source}`);
  expect(stored).toMatchObject({ status: 0, output: expect.stringContaining("Upgrade completed") });
  const chosen = await guest.run("kairos-agent bootentry --select recovery");
  expect(chosen.status).toBe(0);
  await guest.start("reboot -f");
  expect(await next(guest)).toBe("recovery v0.2.0");
  await ready(guest);
  expect(await statusOf(guest)).toMatchObject({ booted: "recovery", record: { good: "active" } });
  await upgradeTo(guest, "0.2.0");
  expect(await settled(guest)).toBe("active v0.2.0: Slot active is good");
});
