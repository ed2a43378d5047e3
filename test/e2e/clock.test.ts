/** Sets the clock while the checks run, forwards (as NTP does first) and backwards. No deadline changes. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { makeTrials, type Trials } from "./trial.ts";

setDefaultTimeout(1_800_000);

const WITHIN_SECONDS = 600;
const check = (...lines: string[]): string => ["#!/bin/sh", ...lines, ""].join("\n");

let trials: Trials;
beforeAll(async () => {
  trials = await makeTrials({
    systems: {
      "1": {},
      clock: {
        atBoot: "sh /etc/time-comes & cd /tmp; tandem health",
        files: {
          // The service starts while tandem waits for it, after the service has set the clock.
          "etc/tandem/config.yaml":
            'health: { checkSeconds: 20, expect: { processes: ["ntpd"] } }\n',
          "etc/tandem/required.d/10-forwards": check("date -s '2030-01-01 00:00:00'"),
          "etc/tandem/required.d/20-backwards": check("date -s '1971-01-01 00:00:00'"),
          "etc/tandem/required.d/30-surroundings": check(
            'echo "user $(id -u), folder $(pwd), input $(readlink /proc/self/fd/0)" >/dev/console',
          ),
          // Sets the clock in the middle of a wait, in both directions.
          "etc/tandem/wanted.d/40-hangs-forwards": check(
            "(sleep 2; date -s '2031-01-01 00:00:00') & sleep 1000",
          ),
          "etc/tandem/wanted.d/50-hangs-backwards": check(
            "(sleep 2; date -s '1971-01-01 00:00:00') & sleep 1000",
          ),
          "etc/time-comes": check(
            "until grep -q tandem /proc/[0-9]*/comm; do sleep 1; done",
            "date -s '2029-01-01 00:00:00'",
            "sleep 3",
            "echo ntpd >/proc/self/comm",
            "sleep 1000",
          ),
        },
      },
    },
  });
});
afterAll(() => trials[Symbol.asyncDispose]());

test("a healthy system passes its checks, and a check that hangs is ended in time", async () => {
  await using guest = trials.powerOn(trials.newDisk("clock"));
  for (const line of [
    /^Check slot b passed/,
    /^Check process ntpd passed/,
    /^Check \S+10-forwards passed/,
    /^Check \S+20-backwards passed/,
    /^user 0, folder \/, input \/dev\/null/,
    /^Check \S+30-surroundings passed/,
    /40-hangs-forwards failed: did not end within 20 s, continuing/,
    /50-hangs-backwards failed: did not end within 20 s, continuing/,
    /^Slot b is good/,
  ])
    await guest.machine.expectLine(line, WITHIN_SECONDS);
  expect(guest.machine.lines.filter((line) => line.includes("were used up"))).toEqual([]);
});
