import { reasonOf } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import type { System } from "../system/system.ts";

export interface CheckPlan {
  /** Directories whose executables all have to succeed. */
  readonly required: readonly string[];
  /** Directories whose executables are run and reported, whatever they say. */
  readonly wanted: readonly string[];
  /** For one check. */
  readonly checkSeconds: number;
  /** For all of them together. */
  readonly deadlineSeconds: number;
}

export interface CheckResult {
  readonly path: string;
  readonly required: boolean;
  /** undefined: passed. Otherwise one line that says what happened. */
  readonly failure: string | undefined;
  /** The last lines it printed. */
  readonly output: string;
}

/** Enough to see why, little enough for the state. */
const OUTPUT_LINES_MAX = 20;
const OUTPUT_CHARACTERS_MAX = 2000;

/** Runs the checks one after the other in the order of their names: required ones first, and all of them even after a failure. */
export async function runChecks(
  system: System,
  plan: CheckPlan,
  talk: Talk,
): Promise<CheckResult[]> {
  const endMs = system.now().getTime() + plan.deadlineSeconds * 1000;
  const results: CheckResult[] = [];
  for (const { path, required } of findChecks(system, plan)) {
    const leftSeconds = (endMs - system.now().getTime()) / 1000;
    const result = { path, required, ...(await runCheck(system, path, { plan, leftSeconds })) };
    if (result.failure === undefined) talk.info(`Check ${path} passed`);
    else if (required) talk.info(`Check ${path} failed: ${result.failure}`);
    else talk.warn(`Check ${path} failed: ${result.failure}, continuing`);
    results.push(result);
  }
  return results;
}

/** The required checks that failed, in one line; undefined when none did. */
export function failureOf(results: readonly CheckResult[]): string | undefined {
  const failed = results.filter(({ required, failure }) => required && failure !== undefined);
  if (failed.length === 0) return undefined;
  return failed.map(({ path, failure }) => `${path} ${failure}`).join("; ");
}

function findChecks(system: System, plan: CheckPlan): { path: string; required: boolean }[] {
  const inside = (
    directories: readonly string[],
    required: boolean,
  ): { path: string; required: boolean }[] =>
    directories.flatMap((directory) =>
      system.files
        .list(directory)
        .toSorted()
        .map((name) => ({ path: `${directory}/${name}`, required }))
        .filter(({ path }) => system.isExecutable(path)),
    );
  return [...inside(plan.required, true), ...inside(plan.wanted, false)];
}

interface Limits {
  readonly plan: CheckPlan;
  readonly leftSeconds: number;
}

async function runCheck(
  system: System,
  path: string,
  { plan, leftSeconds }: Limits,
): Promise<Pick<CheckResult, "failure" | "output">> {
  const deadlineSeconds = Math.min(plan.checkSeconds, leftSeconds);
  if (deadlineSeconds <= 0)
    return { failure: `not run: all ${plan.deadlineSeconds} s were used up before`, output: "" };
  try {
    const { status, output } = await system.run([path], { deadlineSeconds });
    return { failure: describe(status, deadlineSeconds), output: lastLines(output) };
  } catch (error) {
    return { failure: `could not be run: ${reasonOf(error)}`, output: "" };
  }
}

function describe(status: number | undefined, deadlineSeconds: number): string | undefined {
  if (status === undefined) return `did not end within ${deadlineSeconds.toFixed(0)} s`;
  return status === 0 ? undefined : `ended with status ${status}`;
}

function lastLines(output: string): string {
  return output
    .trimEnd()
    .split("\n")
    .slice(-OUTPUT_LINES_MAX)
    .join("\n")
    .slice(-OUTPUT_CHARACTERS_MAX);
}
