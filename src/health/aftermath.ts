import type { Talk } from "../lib/talk.ts";
import type { System } from "../system/system.ts";
import { type CheckResult, runChecks } from "./checks.ts";
import { programChecks } from "./programs.ts";

/** What runs after a verdict. */
export interface AftermathPlan {
  /** Directories whose executables are run when this boot was found good. */
  readonly green: readonly string[];
  /** The same when it was found bad, before the reboot. */
  readonly red: readonly string[];
}

/** For all of them together: less than what systemd leaves tandem beyond its deadline. */
const SECONDS = 30;

/** Runs the executables of the folders. The verdict stands, whatever they say. */
export function runAftermath(
  { system, talk }: { readonly system: System; readonly talk: Talk },
  folders: readonly string[],
): Promise<CheckResult[]> {
  const programs = programChecks(system, { required: [], wanted: folders }, talk);
  const limits = { checkSeconds: SECONDS, deadlineSeconds: SECONDS };
  return runChecks(programs, { system, limits, talk });
}
