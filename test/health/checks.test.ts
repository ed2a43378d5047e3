import { expect, test } from "bun:test";
import type { Check, Outcome } from "../../src/health/check.ts";
import {
  type CheckResult,
  failedOf,
  describeFailures,
  runChecks,
} from "../../src/health/checks.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { memorySystem } from "../fakes/machine.ts";

const LIMITS = { checkSeconds: 60, deadlineSeconds: 300 };
const FINE: Outcome = { failure: undefined, output: "" };
const BURNT: Outcome = { failure: "burnt", output: "smoke" };

/** A machine with checks that take `secondsEach` by its clock. `runs` lists each check with its limit. */
function world(secondsEach = 0): {
  readonly system: ReturnType<typeof memorySystem>;
  readonly runs: [string, number][];
  readonly check: (name: string, outcome: Outcome, required?: boolean) => Check;
} {
  let nowMs = 0;
  const runs: [string, number][] = [];
  return {
    system: { ...memorySystem(), monotonicMs: () => nowMs },
    runs,
    check: (name, outcome, required = true) => ({
      name,
      required,
      async run(seconds) {
        await Promise.resolve();
        runs.push([name, seconds]);
        nowMs += secondsEach * 1000;
        return outcome;
      },
    }),
  };
}

test("runChecks() runs required checks first, and all of them even after a failure", async () => {
  const { system, runs, check } = world();
  const results = await runChecks([check("1", FINE, false), check("2", BURNT), check("3", FINE)], {
    system,
    limits: LIMITS,
    talk: SILENT,
  });
  expect(runs.map(([name]) => name)).toEqual(["2", "3", "1"]);
  expect(results).toEqual([
    { check: "2", required: true, failure: "burnt", output: "smoke" },
    { check: "3", required: true, failure: undefined, output: "" },
    { check: "1", required: false, failure: undefined, output: "" },
  ]);
});

test("failureOf() is undefined without checks", async () => {
  const { system } = world();
  const results = await runChecks([], { system, limits: LIMITS, talk: SILENT });
  expect(results).toEqual([]);
  expect(describeFailures(results)).toBeUndefined();
});

test("runChecks() gives each check at most the rest of the whole deadline", async () => {
  const { system, runs, check } = world(45);
  const limits = { ...LIMITS, deadlineSeconds: 100 };
  const checks = ["1", "2", "3", "4"].map((name) => check(name, FINE));
  const results = await runChecks(checks, { system, limits, talk: SILENT });
  expect(runs.map(([, seconds]) => seconds)).toEqual([60, 55, 10]);
  expect(results.map(({ failure }) => failure)).toEqual([
    undefined,
    undefined,
    undefined,
    "not run: all 100 s were used up before",
  ]);
});

test.each(["1970-01-01", "2030-01-01"])(
  "runChecks() is not affected when the clock is set to %s in between",
  async (date) => {
    const { system, runs, check } = world(1);
    let now = new Date("2000-01-01");
    const sets = {
      ...check("1", FINE),
      run: () => Promise.resolve(((now = new Date(date)), FINE)),
    };
    const limits = { ...LIMITS, deadlineSeconds: 30 };
    const results = await runChecks([sets, check("2", FINE), check("3", FINE)], {
      system: { ...system, now: () => now },
      limits,
      talk: SILENT,
    });
    expect(describeFailures(results)).toBeUndefined();
    expect(runs).toEqual([
      ["2", 30],
      ["3", 29],
    ]);
  },
);

test("runChecks() reports each check, and warns of a wanted one that failed", async () => {
  const messages: string[] = [];
  const talk = {
    ...SILENT,
    info: (text: string) => void messages.push(text),
    warn: (text: string) => void messages.push(`warning: ${text}`),
  };
  const { system, check } = world();
  const checks = [check("1", FINE), check("2", BURNT), check("3", BURNT, false)];
  await runChecks(checks, { system, limits: LIMITS, talk });
  expect(messages).toEqual([
    "Check 1 passed",
    "Check 2 failed: burnt",
    "warning: Check 3 failed: burnt, continuing",
  ]);
});

const result = (check: string, required: boolean, failure?: string): CheckResult => ({
  check,
  required,
  failure,
  output: "",
});

test.each([
  [[], undefined],
  [[result("/1", true), result("/2", false, "hung")], undefined],
  [[result("/1", true, "hung"), result("/2", true)], "/1 hung"],
  [[result("/1", true, "hung"), result("/2", true, "burnt")], "/1 hung; /2 burnt"],
])("failureOf() joins the failures of required checks (%#)", (results, failure) => {
  expect(describeFailures(results)).toBe(failure);
});

test("failedOf() returns only required checks that failed", () => {
  const bad = result("3", true, "burnt");
  expect(failedOf([result("1", true), result("2", false, "hung"), bad])).toEqual([bad]);
});
