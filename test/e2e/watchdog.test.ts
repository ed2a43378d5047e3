/** What `tandem hooks` puts into an image, at work on a machine: a trial that hangs is reset, one that cannot go on restarts. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { atOnce } from "./at-once.ts";
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
      // Nothing of tandem runs in it: what was armed in the initramfs has to do.
      hangs: { atBoot: "sleep 100000", kernel: { hooks: IN_INITRAMFS } },
      // Its time is never over by itself, however slow this machine is.
      stays: { atBoot: AT_BOOT.replace("overdue=20\n", "overdue=100000\n") },
      // What comes before the checks does not end.
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

/** While one waits for its watchdog another has the processor. */
const take = atOnce(2);
const story = (name: string, tell: () => Promise<void>): void => {
  test.concurrent(name, () => take(tell));
};

async function next(guest: Guest): Promise<string> {
  const line = await guest.machine.expectLine(/^E2E: slot=/, BOOT_SECONDS);
  return line.replace(/ root=.*/, "");
}

/** The old system is back, and says that it is good. */
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

story("a trial that passes stops the watchdog and runs on", async () => {
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

story("a trial that never comes to its checks is given up when its time is over", async () => {
  await using guest = powerOn("waits");
  expect(await next(guest)).toBe("E2E: slot=b version=waits");
  await guest.machine.expectLine(
    /^No watchdog: there is no \/dev\/watchdog0, continuing/,
    BOOT_SECONDS,
  );
  await guest.machine.expectLine(/^Slot b failed: it gave no verdict in time/, BOOT_SECONDS);
  // The first process is a script: nobody can be asked.
  await guest.machine.expectLine(/No service manager runs here/, BOOT_SECONDS);
  await expectBack(guest);
});

story("a verdict ends the script that waits for it", async () => {
  await using guest = trials.powerOn(trials.newDisk("stays"));
  await guest.machine.expectLine(/^E2E: ready/, BOOT_SECONDS);
  // It looks every five seconds.
  const { status } = await guest.run("while ps | grep -q '[a]t-boot'; do sleep 1; done");
  expect(status).toBe(0);
});

story("a trial without an init says so and restarts", async () => {
  await using guest = powerOn("empty");
  await guest.machine.expectLine(
    /^tandem: slot b: there is no init; rebooting in 5 s, boots left: 0/,
    BOOT_SECONDS,
  );
  await expectBack(guest);
});
