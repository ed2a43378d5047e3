/** Tests the hooks in an image: the watchdog resets a trial that hangs, and a trial that cannot continue restarts. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { limitParallel } from "./limit-parallel.ts";
import type { Guest } from "./guest.ts";
import { hookText } from "./hook-files.ts";
import { makeTrials, type Trials } from "./trial.ts";

setDefaultTimeout(1_800_000);

const BOOT_SECONDS = 600;

const IN_INITRAMFS = {
  "usr/lib/tandem/initramfs": hookText("initramfs", "/usr/lib/tandem/initramfs"),
};
const AT_BOOT = hookText("init", "/usr/lib/tandem/at-boot");

let trials: Trials;
beforeAll(async () => {
  trials = await makeTrials({
    systems: {
      "1": { atBoot: AT_BOOT },
      "2": { atBoot: AT_BOOT, kernel: { hooks: IN_INITRAMFS } },
      // tandem does not run in this system: only the watchdog from the initramfs is armed.
      hangs: { atBoot: "sleep 100000", kernel: { hooks: IN_INITRAMFS } },
      // A timeout that a slow machine never reaches by itself.
      stays: { atBoot: AT_BOOT.replace("overdue=20\n", "overdue=100000\n") },
      // The service before the checks never ends.
      waits: {
        atBoot: "sh /etc/watch watch\nsleep 100000",
        files: { "etc/watch": AT_BOOT },
      },
      empty: { isEmpty: true, kernel: { hooks: IN_INITRAMFS } },
    },
  });
});
afterAll(() => trials[Symbol.asyncDispose]());

const powerOn = (version: string): Guest => trials.powerOn(trials.newDisk(version));

/** Two machines: while one waits for its watchdog, the other uses the processor. */
const limited = limitParallel(2);
const story = (name: string, run: () => Promise<void>): void => {
  test.concurrent(name, () => limited(run));
};

async function next(guest: Guest): Promise<string> {
  const line = await guest.machine.expectLine(/^E2E: slot=/, BOOT_SECONDS);
  return line.replace(/ root=.*/, "");
}

/** Expects that the old system is back and good. */
async function expectBack(guest: Guest): Promise<void> {
  expect(await next(guest)).toBe("E2E: slot=a version=1");
  await guest.machine.expectLine(/^The boot loader gave up on slot b and came back/, BOOT_SECONDS);
  await guest.machine.expectLine(/^Slot a is good/, BOOT_SECONDS);
}

story("a trial that hangs is reset by the watchdog that the initramfs has armed", async () => {
  await using guest = powerOn("hangs");
  await guest.machine.expectLine(
    /^tandem: watchdog \/dev\/watchdog0 resets this machine in 60 s/,
    BOOT_SECONDS,
  );
  expect(await next(guest)).toBe("E2E: slot=b version=hangs");
  await expectBack(guest);
});

story("a trial that passes stops the watchdog and keeps running", async () => {
  await using guest = powerOn("2");
  await guest.machine.expectLine(/^tandem: watchdog \/dev\/watchdog0 resets/, BOOT_SECONDS);
  expect(await next(guest)).toBe("E2E: slot=b version=2");
  await guest.machine.expectLine(
    /^Watchdog \/dev\/watchdog0 resets this machine in 600 s/,
    BOOT_SECONDS,
  );
  await guest.machine.expectLine(/^Slot b is good/, BOOT_SECONDS);
  await guest.machine.expectLine(/^Watchdog \/dev\/watchdog0 is stopped/, BOOT_SECONDS);
  await guest.machine.expectLine(/^E2E: ready/, BOOT_SECONDS);
  const state = await guest.run("cat /sys/class/watchdog/watchdog0/state");
  expect(state.output).toContain("inactive");
});

story("a trial that never reaches its checks is given up when its time is over", async () => {
  await using guest = powerOn("waits");
  expect(await next(guest)).toBe("E2E: slot=b version=waits");
  await guest.machine.expectLine(
    /^No watchdog: there is no \/dev\/watchdog0, continuing/,
    BOOT_SECONDS,
  );
  await guest.machine.expectLine(/^Slot b failed: it gave no verdict in time/, BOOT_SECONDS);
  // The init is a script, so there is no service manager.
  await guest.machine.expectLine(/No service manager is running/, BOOT_SECONDS);
  await expectBack(guest);
});

story("a verdict ends the script that waits for it", async () => {
  await using guest = trials.powerOn(trials.newDisk("stays"));
  await guest.machine.expectLine(/^E2E: ready/, BOOT_SECONDS);
  // The script checks every five seconds.
  const { status } = await guest.run("while ps | grep -q '[a]t-boot'; do sleep 1; done");
  expect(status).toBe(0);
});

story("a trial without an init reports it and restarts", async () => {
  await using guest = powerOn("empty");
  await guest.machine.expectLine(
    /^tandem: slot b: there is no init; rebooting in 5 s, boots left: 0/,
    BOOT_SECONDS,
  );
  await expectBack(guest);
});
