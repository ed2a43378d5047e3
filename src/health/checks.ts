import type { Talk } from "../lib/talk.ts";
import type { System } from "../system/system.ts";
import type { Check, Outcome } from "./check.ts";
import type { Expectations } from "./expectations.ts";
import type { ProgramFolders } from "./programs.ts";

export interface CheckLimits {
  /** For one check. */
  readonly checkSeconds: number;
  /** For all of them together. */
  readonly deadlineSeconds: number;
}

/** What the configuration says about health. */
export interface CheckPlan extends CheckLimits, ProgramFolders {
  readonly expect: Expectations;
}

export interface CheckResult extends Outcome {
  readonly check: string;
  readonly required: boolean;
}

interface Run {
  readonly system: System;
  readonly limits: CheckLimits;
  readonly talk: Talk;
}

/** Runs the checks one after the other: required ones first, and all of them even after a failure. */
export async function runChecks(
  checks: readonly Check[],
  { system, limits, talk }: Run,
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

/** The required checks that failed. */
export function failedOf(results: readonly CheckResult[]): CheckResult[] {
  return results.filter(({ required, failure }) => required && failure !== undefined);
}

/** The required checks that failed, in one line; undefined when none did. */
export function failureOf(results: readonly CheckResult[]): string | undefined {
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
