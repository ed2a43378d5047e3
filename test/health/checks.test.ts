import { expect, test } from "bun:test";
import { type CheckPlan, type CheckResult, failureOf, runChecks } from "../../src/health/checks.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { checkedSystem, FAILED, LATE, PASSED } from "../fakes/checks.ts";

const PLAN: CheckPlan = {
  required: ["/usr/required.d", "/etc/required.d"],
  wanted: ["/etc/wanted.d"],
  checkSeconds: 60,
  deadlineSeconds: 300,
};

test("runChecks() runs required ones first, folder by folder, in the order of their names", async () => {
  const system = checkedSystem({
    "/etc/wanted.d/1": PASSED,
    "/etc/required.d/20-b": PASSED,
    "/etc/required.d/10-a": FAILED,
    "/etc/required.d/readme.txt": FAILED,
    "/usr/required.d/90": PASSED,
    "/other/1": FAILED,
  });
  const results = await runChecks(system, PLAN, SILENT);
  const want = [
    "/usr/required.d/90",
    "/etc/required.d/10-a",
    "/etc/required.d/20-b",
    "/etc/wanted.d/1",
  ];
  expect(results.map(({ path }) => path)).toEqual(want);
  expect(results.map(({ required }) => required)).toEqual([true, true, true, false]);
  expect(system.runs.map(({ path }) => path)).toEqual(want);
});

test("runChecks() without checks is no failure", async () => {
  const results = await runChecks(checkedSystem({}), PLAN, SILENT);
  expect(results).toEqual([]);
  expect(failureOf(results)).toBeUndefined();
});

test.each([
  ["passes", PASSED, undefined, "fine"],
  ["fails", FAILED, "ended with status 3", "no network"],
  ["dies", { status: 139, output: "" }, "ended with status 139", ""],
  ["is late", LATE, "did not end within 60 s", ""],
  ["is no program", new Error("ENOEXEC"), "could not be run: ENOEXEC", ""],
])("runChecks() of a check that %s", async (...[, result, failure, output]) => {
  const results = await runChecks(checkedSystem({ "/usr/required.d/x": result }), PLAN, SILENT);
  expect(results).toEqual([{ path: "/usr/required.d/x", required: true, failure, output }]);
});

test("runChecks() keeps the end of long output", async () => {
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`).join("\n");
  const wide = `start${"x".repeat(5000)}end`;
  const results = await runChecks(
    checkedSystem({
      "/usr/required.d/1": { status: 1, output: `${lines}\n\n` },
      "/usr/required.d/2": { status: 1, output: wide },
    }),
    PLAN,
    SILENT,
  );
  expect(results[0]?.output.split("\n")).toHaveLength(20);
  expect(results[0]?.output).toEndWith("line 49");
  expect(results[1]?.output).toHaveLength(2000);
  expect(results[1]?.output).toEndWith("xend");
});

test("runChecks() gives each check what is left of the whole deadline", async () => {
  const plan = { ...PLAN, deadlineSeconds: 100 };
  const paths = ["1", "2", "3", "4"].map((name) => `/usr/required.d/${name}`);
  const system = checkedSystem(Object.fromEntries(paths.map((path) => [path, PASSED])), 45);
  const results = await runChecks(system, plan, SILENT);
  expect(system.runs.map(({ deadlineSeconds }) => deadlineSeconds)).toEqual([60, 55, 10]);
  expect(results.map(({ failure }) => failure)).toEqual([
    undefined,
    undefined,
    undefined,
    "not run: all 100 s were used up before",
  ]);
});

test("runChecks() tells of each, and warns of a wanted one that failed", async () => {
  const said: string[] = [];
  const talk = {
    ...SILENT,
    info: (text: string) => void said.push(text),
    warn: (text: string) => void said.push(`warning: ${text}`),
  };
  const checks = {
    "/usr/required.d/1": PASSED,
    "/usr/required.d/2": FAILED,
    "/etc/wanted.d/3": FAILED,
  };
  await runChecks(checkedSystem(checks), PLAN, talk);
  expect(said).toEqual([
    "Check /usr/required.d/1 passed",
    "Check /usr/required.d/2 failed: ended with status 3",
    "warning: Check /etc/wanted.d/3 failed: ended with status 3, continuing",
  ]);
});

const result = (path: string, required: boolean, failure?: string): CheckResult => ({
  path,
  required,
  failure,
  output: "",
});

test.each([
  [[], undefined],
  [[result("/1", true), result("/2", false, "hung")], undefined],
  [[result("/1", true, "hung"), result("/2", true)], "/1 hung"],
  [[result("/1", true, "hung"), result("/2", true, "burnt")], "/1 hung; /2 burnt"],
])("failureOf() counts required checks only (%#)", (results, failure) => {
  expect(failureOf(results)).toBe(failure);
});
