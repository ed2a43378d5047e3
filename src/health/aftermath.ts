import type { Talk } from "../lib/talk.ts";
import type { System } from "../system/system.ts";
import { type CheckResult, runChecks } from "./checks.ts";
import { programChecks } from "./programs.ts";

/** The programs to run after a verdict. */
export interface AftermathPlan {
  /** Directories whose executables run after a good verdict. */
  readonly green: readonly string[];
  /** Directories whose executables run after a bad verdict, before the reboot. */
  readonly red: readonly string[];
}

/**
 * The limit for all of these programs together: less than the time that the systemd unit allows beyond the deadline.
 */
const SECONDS = 30;

/** Runs the executables of the folders. Their results do not change the verdict. */
export function runAftermath(
  { system, talk }: { readonly system: System; readonly talk: Talk },
  folders: readonly string[],
): Promise<CheckResult[]> {
  const programs = programChecks(system, { required: [], wanted: folders }, talk);
  const limits = { checkSeconds: SECONDS, deadlineSeconds: SECONDS };
  return runChecks(programs, { system, limits, talk });
}
