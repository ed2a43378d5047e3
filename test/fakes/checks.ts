import type { CommandResult, System } from "../../src/system/system.ts";
import { memoryFiles } from "./files.ts";
import { memorySystem } from "./machine.ts";

export interface CheckedSystem extends System {
  /** The programs that were run, with their deadlines. */
  readonly runs: { readonly path: string; readonly deadlineSeconds: number }[];
}

/** A machine with executables that have given results. Each takes `secondsEach` by the machine's clock. */
export function checkedSystem(
  checks: Readonly<Record<string, CommandResult | Error>>,
  secondsEach = 0,
): CheckedSystem {
  const runs: { path: string; deadlineSeconds: number }[] = [];
  let nowMs = 0;
  return {
    ...memorySystem(),
    files: memoryFiles(Object.fromEntries(Object.keys(checks).map((path) => [path, ""]))),
    isExecutable: (path) => path in checks && !path.endsWith(".txt"),
    monotonicMs: () => nowMs,
    async run([path = ""], { deadlineSeconds }) {
      await Promise.resolve();
      runs.push({ path, deadlineSeconds });
      nowMs += secondsEach * 1000;
      const result = checks[path] ?? new Error(`no ${path}`);
      if (result instanceof Error) throw result;
      return result;
    },
    runs,
  };
}

export const PASSED: CommandResult = { status: 0, stdout: "fine\n", stderr: "" };
export const FAILED: CommandResult = { status: 3, stdout: "", stderr: "no network\n" };
export const LATE: CommandResult = { status: undefined, stdout: "", stderr: "" };
