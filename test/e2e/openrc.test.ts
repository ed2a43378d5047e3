/** The services of `tandem hooks` under a real OpenRC: the verdict is given, and a boot without a good one ends. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { atOnce } from "./at-once.ts";
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

/** A service that never comes up, before the checks. */
const STUCK = {
  "etc/init.d/stuck": "#!/sbin/openrc-run\nstart() {\n  sleep 100000\n}\n",
};

let trials: Trials;
beforeAll(async () => {
  trials = await makeTrials({
    systems: {
      "1": { atBoot: hookText("init", "/usr/lib/tandem/at-boot") },
      passes: { ...withCheck("exit 0"), kernel: { modules: ["softdog"] } },
      ails: withCheck("exit 3"),
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

const take = atOnce(2);
const story = (name: string, tell: (guest: Guest) => Promise<void>): void => {
  test.concurrent(name, () =>
    take(async () => {
      const version = name.split(" ").at(-1) ?? "";
      await using guest = trials.powerOn(trials.newDisk(version));
      await tell(guest);
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

story("a trial is marked good and stays when it passes", async (guest) => {
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

story("a trial restarts into the good slot when it ails", async (guest) => {
  await expectLines(guest, [
    NO_WATCHDOG,
    /^Slot b failed: .*50-app ended with status 3/,
    /The system is going down NOW/,
    ...COMES_BACK,
  ]);
});

story("a trial is given up when its time is over and it still waits", async (guest) => {
  await expectLines(guest, [
    NO_WATCHDOG,
    /^Slot b failed: it gave no verdict in time/,
    // busybox init agrees, and begins only when the scripts of the start have ended.
    /busybox init has not restarted the machine within 300 s/,
    ...COMES_BACK,
  ]);
});
