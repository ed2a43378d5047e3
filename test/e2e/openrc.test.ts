/**
 * Tests the services of `tandem hooks` under a real OpenRC: they give the verdict, and end a boot without a good one.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { limitParallel } from "./limit-parallel.ts";
import type { GuestSetup } from "./guest-image.ts";
import type { Guest } from "./guest.ts";
import { hookText } from "./hook-files.ts";
import { openrcMembers } from "./openrc-root.ts";
import { makeTrials, type Trials } from "./trial.ts";

setDefaultTimeout(1_800_000);

const WITHIN_SECONDS = 600;

const withCheck = (check: string): Omit<GuestSetup, "version"> => ({
  isEmpty: true,
  members: openrcMembers(),
  files: { "etc/tandem/required.d/50-app": `#!/bin/sh\n${check}\n` },
});

/** A service before the checks that never finishes to start. */
const STUCK = {
  "etc/init.d/stuck": "#!/sbin/openrc-run\nstart() {\n  sleep 100000\n}\n",
};

let trials: Trials;
beforeAll(async () => {
  trials = await makeTrials({
    systems: {
      "1": { atBoot: hookText("init", "/usr/lib/tandem/at-boot") },
      passes: { ...withCheck("exit 0"), kernel: { modules: ["softdog"] } },
      unhealthy: withCheck("exit 3"),
      waits: {
        isEmpty: true,
        members: [
          ...openrcMembers(),
          { path: "etc/runlevels/default/stuck", kind: "symlink", target: "/etc/init.d/stuck" },
        ],
        files: STUCK,
      },
    },
  });
});
afterAll(() => trials[Symbol.asyncDispose]());

const limited = limitParallel(2);
const story = (name: string, version: string, run: (guest: Guest) => Promise<void>): void => {
  test.concurrent(name, () =>
    limited(async () => {
      await using guest = trials.powerOn(trials.newDisk(version));
      await run(guest);
    }),
  );
};

async function expectLines(guest: Guest, lines: readonly RegExp[]): Promise<void> {
  for (const line of lines) await guest.machine.expectLine(line, WITHIN_SECONDS);
}

const NO_WATCHDOG = /Waiting for the verdict on this boot .*No watchdog: there is no/;
const COMES_BACK = [
  /^E2E: slot=a version=1 /,
  /^The boot loader gave up on slot b/,
  /^Slot a is good/,
];

// First, because it waits for five minutes while the others run.
story(
  "a trial that still waits for a service is given up when its time is over",
  "waits",
  async (guest) => {
    await expectLines(guest, [
      NO_WATCHDOG,
      /^Slot b failed: it gave no verdict in time/,
      // busybox init agrees, and starts the reboot only after its start scripts have ended.
      /busybox init has not restarted the machine within 300 s/,
      ...COMES_BACK,
    ]);
  },
);

story("a trial is marked good and stays when its checks pass", "passes", async (guest) => {
  await expectLines(guest, [
    /Starting modules/,
    /Watchdog \/dev\/watchdog0 resets this machine in 600 s/,
    /Starting localmount/,
    /Checking this system/,
    /^Slot b is good/,
    /^Watchdog \/dev\/watchdog0 is stopped/,
    /tandem-health .*started/,
  ]);
  expect(guest.machine.lines.filter((line) => /ERROR|rebooting|Restarting/.test(line))).toEqual([]);
});

story("a trial restarts into the good slot when its checks fail", "unhealthy", async (guest) => {
  await expectLines(guest, [
    NO_WATCHDOG,
    /^Slot b failed: .*50-app ended with status 3/,
    /The system is going down NOW/,
    ...COMES_BACK,
  ]);
});
