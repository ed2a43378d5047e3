import type { Talk } from "../lib/talk.ts";
import type { System } from "../system/system.ts";
import type { Check, Outcome } from "./check.ts";
import type { Expectations } from "./expectations.ts";
import type { ProgramFolders } from "./programs.ts";

export interface CheckLimits {
  /** The limit for one check. */
  readonly checkSeconds: number;
  /** The limit for all checks together. */
  readonly deadlineSeconds: number;
}

/** The checks of the configuration and their limits. */
export interface CheckPlan extends CheckLimits, ProgramFolders {
  readonly expect: Expectations;
}

export interface CheckResult extends Outcome {
  readonly check: string;
  readonly required: boolean;
}

interface CheckRun {
  readonly system: System;
  readonly limits: CheckLimits;
  readonly talk: Talk;
}

/** Runs all checks one after another, required ones first. A failure does not stop the others. */
export async function runChecks(
  checks: readonly Check[],
  { system, limits, talk }: CheckRun,
): Promise<CheckResult[]> {
  const endMs = system.monotonicMs() + limits.deadlineSeconds * 1000;
  const results: CheckResult[] = [];
  for (const check of requiredFirst(checks)) {
    const leftSeconds = (endMs - system.monotonicMs()) / 1000;
    talk.progress({ step: `Waiting for check ${check.name}` });
    const outcome = await runOne(check, limits, leftSeconds);
    results.push({ check: check.name, required: check.required, ...outcome });
    if (outcome.failure === undefined) talk.info(`Check ${check.name} passed`);
    else if (check.required) talk.info(`Check ${check.name} failed: ${outcome.failure}`);
    else talk.warn(`Check ${check.name} failed: ${outcome.failure}, continuing`);
  }
  return results;
}

/** Returns the required checks that failed. */
export function failedOf(results: readonly CheckResult[]): CheckResult[] {
  return results.filter(({ required, failure }) => required && failure !== undefined);
}

/** Returns the failures of required checks in one line. Undefined when none failed. */
export function describeFailures(results: readonly CheckResult[]): string | undefined {
  const failed = failedOf(results);
  if (failed.length === 0) return undefined;
  return failed.map(({ check, failure }) => `${check} ${failure}`).join("; ");
}

function requiredFirst(checks: readonly Check[]): Check[] {
  return [...checks.filter(({ required }) => required), ...checks.filter((one) => !one.required)];
}

async function runOne(
  check: Check,
  { checkSeconds, deadlineSeconds }: CheckLimits,
  leftSeconds: number,
): Promise<Outcome> {
  if (leftSeconds > 0) return check.run(Math.min(checkSeconds, leftSeconds));
  return { failure: `not run: all ${deadlineSeconds} s were used up before`, output: "" };
}
