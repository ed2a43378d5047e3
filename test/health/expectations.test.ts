import { expect, test } from "bun:test";
import type { Outcome } from "../../src/health/check.ts";
import { expectationChecks, type Expectations } from "../../src/health/expectations.ts";
import type { Probe } from "../../src/system/probe.ts";
import type { CommandResult, System } from "../../src/system/system.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";

const NOTHING: Expectations = {
  mounted: [],
  noFailedUnits: false,
  freeSpace: {},
  urls: [],
  tcp: [],
  processes: [],
};

const FILES = {
  "/proc/self/mountinfo":
    "22 1 8:2 / / ro - ext4 /dev/sda2 ro\n23 22 8:5 / /my\\040data rw - ext4 /dev/sda5 rw\n",
  "/proc/1/comm": "init\n",
  "/proc/77/comm": "a-very-long-nam\n",
  "/proc/cpuinfo/comm": "sshd\n",
};

interface Given {
  readonly probe?: Partial<Probe>;
  readonly now?: () => Date;
  readonly units?: CommandResult;
}

/** A machine whose clock advances only in pause(). */
function systemOf({
  probe = {},
  units,
  now = () => new Date(0),
}: Given): System & { readonly pauses: () => number } {
  const base = memorySystem();
  let seconds = 0;
  return {
    ...base,
    files: memoryFiles(FILES),
    now,
    monotonicMs: () => seconds * 1000,
    run: () =>
      units === undefined ? Promise.reject(new Error("no systemctl")) : Promise.resolve(units),
    probe: {
      ...base.probe,
      async pause(more) {
        await Promise.resolve();
        seconds += more;
      },
      ...probe,
    },
    pauses: () => seconds,
  };
}

async function outcomeOf(expected: Partial<Expectations>, given: Given = {}): Promise<Outcome> {
  const [check, ...others] = expectationChecks(systemOf(given), { ...NOTHING, ...expected });
  if (check === undefined || others.length > 0) throw new Error("want one check");
  expect(check.required).toBeTrue();
  return check.run(5);
}

test("expectationChecks() without expectations is empty", () => {
  expect(expectationChecks(systemOf({}), NOTHING)).toEqual([]);
});

const WARNING = "Warning: The unit file of a.service changed on disk.\n";
const units = (code: number | undefined, stdout: string, stderr = ""): Given => ({
  units: { status: code, stdout, stderr },
});
const status = (code: number): Given => ({ probe: { httpStatus: () => Promise.resolve(code) } });

test.each<[string, Partial<Expectations>, Given, string | undefined]>([
  ["mounted, with a space", { mounted: ["/my data"] }, {}, undefined],
  ["not mounted", { mounted: ["/data"] }, {}, "has no file system on it"],
  ["running", { processes: ["init"] }, {}, undefined],
  ["running, with a long name", { processes: ["a-very-long-name-indeed"] }, {}, undefined],
  ["no process of that name", { processes: ["sshd"] }, {}, "is not running"],
  ["enough space", { freeSpace: { "/": 1024 } }, { probe: { freeBytes: () => 1024 } }, undefined],
  [
    "too little space",
    { freeSpace: { "/": 1024 } },
    { probe: { freeBytes: () => 1023 } },
    "is 1023 B, want 1.0 KiB",
  ],
  ["a URL that answers 200", { urls: ["http://x"] }, status(200), undefined],
  ["a URL that answers 299", { urls: ["http://x"] }, status(299), undefined],
  ["a URL that answers 300", { urls: ["http://x"] }, status(300), "answered with status 300"],
  ["a URL that answers 199", { urls: ["http://x"] }, status(199), "answered with status 199"],
  ["an open port", { tcp: ["h:1"] }, { probe: { connect: () => Promise.resolve() } }, undefined],
  [
    "a closed port",
    { tcp: ["h:1"] },
    { probe: { connect: () => Promise.reject(new Error("refused")) } },
    "refused",
  ],
  ["no failed units", { noFailedUnits: true }, units(0, "\n"), undefined],
  [
    "failed units",
    { noFailedUnits: true },
    units(0, "a.service loaded failed failed A\n b.mount loaded failed\n", WARNING),
    "but a.service, b.mount",
  ],
  ["a warning of systemctl", { noFailedUnits: true }, units(0, "", WARNING), undefined],
  ["no systemd", { noFailedUnits: true }, {}, "no systemctl"],
  [
    "a systemd that fails with a message",
    { noFailedUnits: true },
    units(1, "", "Failed to connect to bus: No such file or directory\n"),
    "could not be asked for: systemctl ended with status 1: Failed to connect to bus: No such file or directory",
  ],
  [
    "a systemd that fails without a message",
    { noFailedUnits: true },
    units(1, ""),
    "could not be asked for: systemctl ended with status 1",
  ],
  [
    "a systemd that does not answer",
    { noFailedUnits: true },
    units(undefined, "a.service loaded failed failed A\n"),
    "could not be asked for: systemctl did not answer in time",
  ],
])("expectationChecks() with %s", async (...[, expected, given, failure]) => {
  expect(await outcomeOf(expected, given)).toEqual({ failure, output: "" });
});

test("an expectation that holds before its deadline is met", async () => {
  let calls = 0;
  const connect = (): Promise<void> =>
    (calls += 1) < 3 ? Promise.reject(new Error("refused")) : Promise.resolve();
  expect(await outcomeOf({ tcp: ["h:1"] }, { probe: { connect } })).toMatchObject({
    failure: undefined,
  });
  expect(calls).toBe(3);
});

test("an expectation fails at its deadline, and each attempt gets the remaining seconds", async () => {
  const lefts: number[] = [];
  const connect = (_: string, seconds: number): Promise<void> => {
    lefts.push(seconds);
    return Promise.reject(new Error("refused"));
  };
  expect(await outcomeOf({ tcp: ["h:1"] }, { probe: { connect } })).toMatchObject({
    failure: "refused",
  });
  expect(lefts).toEqual([5, 4, 3, 2, 1]);
});

test.each(["1970-01-01", "2030-01-01"])(
  "an expectation has the same deadline when the clock is set to %s in between",
  async (date) => {
    const dates = [new Date("2000-01-01")];
    const lefts: number[] = [];
    const connect = (_: string, seconds: number): Promise<void> => {
      lefts.push(seconds);
      dates.push(new Date(date));
      // Stop after 20 attempts: the test must not hang when the deadline never comes.
      return lefts.length > 20 ? Promise.resolve() : Promise.reject(new Error("refused"));
    };
    const now = (): Date => dates.at(-1) ?? new Date(0);
    await outcomeOf({ tcp: ["h:1"] }, { probe: { connect }, now });
    expect(lefts).toEqual([5, 4, 3, 2, 1]);
  },
);
