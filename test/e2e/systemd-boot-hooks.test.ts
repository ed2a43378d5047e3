/** Tests the hooks in an image under systemd-boot, which counts in the names of entries. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { partOf, type Disk } from "../../scripts/disk.ts";
import { writeAt } from "../../scripts/disk/write-at.ts";
import { limitParallel } from "./limit-parallel.ts";
import { entriesOf } from "./esp-entries.ts";
import type { Guest } from "./guest.ts";
import { hookText } from "./hook-files.ts";
import { makeTrials, type Trials } from "./trial.ts";

setDefaultTimeout(1_800_000);

const BOOT_SECONDS = 600;

const AT_BOOT = hookText("init", "/usr/lib/tandem/at-boot");
const IN_INITRAMFS = {
  "usr/lib/tandem/initramfs": hookText("initramfs", "/usr/lib/tandem/initramfs"),
};
const FAILS = "#!/bin/sh\necho The app is down\nexit 3\n";
const AFTER = {
  "etc/greenboot/green.d/10-tell": "#!/bin/sh\necho It is green > /dev/console\n",
  "etc/greenboot/red.d/10-tell": "#!/bin/sh\necho It is red > /dev/console\n",
};

let trials: Trials;
beforeAll(async () => {
  const kernel = { hooks: IN_INITRAMFS };
  trials = await makeTrials({
    loader: "systemd-boot",
    systems: {
      "1": { atBoot: AT_BOOT },
      passes: { atBoot: AT_BOOT, kernel, files: AFTER },
      unhealthy: {
        atBoot: AT_BOOT,
        kernel,
        files: { ...AFTER, "etc/tandem/required.d/50-app": FAILS },
      },
      // tandem does not run in this system: only the watchdog from the initramfs is armed.
      hangs: { atBoot: "sleep 100000", kernel },
      rots: { atBoot: AT_BOOT, kernel },
    },
  });
});
afterAll(() => trials[Symbol.asyncDispose]());

/** Two machines: while one waits for its watchdog, the other uses the processor. */
const limited = limitParallel(2);
const story = (name: string, run: () => Promise<void>): void => {
  test.concurrent(name, () => limited(run));
};

async function expectNext(guest: Guest, what: string): Promise<void> {
  const { slot, version } = await guest.booted();
  expect(`${slot} ${version}`).toBe(what);
}

/** Expects that the old system is back and good, and that its history has this text. */
async function expectBack(guest: Guest, disk: Disk, remembers: string): Promise<void> {
  await expectNext(guest, "a 1");
  await guest.machine.expectLine(/^The boot loader gave up on slot b and came back/, BOOT_SECONDS);
  await guest.machine.expectLine(/^Slot a is good/, BOOT_SECONDS);
  await guest.machine.expectLine(/^E2E: ready/, BOOT_SECONDS);
  expect((await guest.run("tandem why")).output).toContain(remembers);
  expect(entriesOf(disk)).toEqual(["tandem-a.conf"]);
}

story("a trial that hangs is reset by the watchdog that the initramfs has armed", async () => {
  const disk = trials.newDisk("hangs");
  await using guest = trials.powerOn(disk);
  await guest.machine.expectLine(/^tandem: watchdog \S+ resets this machine in 60 s/, BOOT_SECONDS);
  await expectNext(guest, "b hangs");
  await guest.machine.expectLine(/softdog: Initiating system reboot/, BOOT_SECONDS);
  await expectBack(guest, disk, "nothing was heard of it");
});

story("a trial whose root cannot be mounted reports it and restarts", async () => {
  const disk = trials.newDisk("rots");
  // Kernel and initrd are on the ESP, so they start without the root file system.
  writeAt(disk.path, partOf(disk, "b").offsetBytes, new Uint8Array(4096));
  expect(entriesOf(disk)).toContain("tandem-b+1.conf");
  await using guest = trials.powerOn(disk);
  await guest.machine.expectLine(
    /^tandem: slot b: cannot mount \/dev\/vda\d; rebooting in 5 s, boots left: some/,
    BOOT_SECONDS,
  );
  expect(entriesOf(disk)).toContain("tandem-b+0-1.conf");
  await expectBack(guest, disk, "its tries were used up without a good verdict");
});

story("a trial whose checks fail restarts until its tries are used up", async () => {
  const disk = trials.newDisk("unhealthy", 2);
  await using guest = trials.powerOn(disk);
  for (const left of ["tandem-b+1-1.conf", "tandem-b+0-2.conf"]) {
    await expectNext(guest, "b unhealthy");
    expect(entriesOf(disk)).toContain(left);
    await guest.machine.expectLine(/^Slot b failed: \S+50-app ended with status 3/, BOOT_SECONDS);
    await guest.machine.expectLine(/^It is red/, BOOT_SECONDS);
  }
  await expectBack(guest, disk, "  | The app is down");
});

story("a trial that passes becomes good, and its entry loses the counter", async () => {
  const disk = trials.newDisk("passes");
  await using guest = trials.powerOn(disk);
  await guest.machine.expectLine(/^tandem: watchdog \S+ resets this machine in 60 s/, BOOT_SECONDS);
  await expectNext(guest, "b passes");
  expect(entriesOf(disk)).toContain("tandem-b+0-1.conf");
  await guest.machine.expectLine(/^Slot b is good/, BOOT_SECONDS);
  await guest.machine.expectLine(/^Watchdog \/dev\/watchdog0 is stopped/, BOOT_SECONDS);
  await guest.machine.expectLine(/^It is green/, BOOT_SECONDS);
  expect(entriesOf(disk)).toEqual(["tandem-a.conf", "tandem-b.conf"]);
});
