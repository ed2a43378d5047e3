import { reasonOf } from "../lib/error.ts";
import { lastLines } from "../lib/last-lines.ts";
import type { Talk } from "../lib/talk.ts";
import type { System } from "../system/system.ts";
import type { Check, Outcome } from "./check.ts";
import { disabledChecks, isDisabled } from "./greenboot.ts";

export interface ProgramFolders {
  /** Directories whose executables must all succeed. */
  readonly required: readonly string[];
  /** Directories whose executables run too, but whose failures are only reported. */
  readonly wanted: readonly string[];
}

/**
 * Returns a check for each executable, folder by folder, in the order of their names. A file below /etc replaces the
 * file with the same path below /usr/lib. A link to /dev/null below /etc disables it.
 */
export function programChecks(system: System, folders: ProgramFolders, talk: Talk): Check[] {
  return [
    ...inside(system, folders.required, talk).map((path) => checkOf(system, path, true)),
    ...inside(system, folders.wanted, talk).map((path) => checkOf(system, path, false)),
  ];
}

function inside(system: System, folders: readonly string[], talk: Talk): string[] {
  const paths = folders.flatMap((folder) =>
    system.files
      .list(folder)
      .toSorted()
      .map((name) => `${folder}/${name}`),
  );
  const disabled = disabledChecks(system);
  return paths.filter((path) => {
    if (isDisabled(path, disabled)) {
      talk.info(`Check ${path} is left out: greenboot.conf disables it`);
      return false;
    }
    if (!system.isExecutable(path)) {
      // The author wanted this check to run. Without a warning the boot would pass without the check.
      if (path.endsWith(".sh") && !isMask(system, path))
        talk.warn(`Check ${path} is not executable and is left out, continuing`);
      return false;
    }
    const replaced = path.replace(/^\/usr\/lib\//, "/etc/");
    return replaced === path || !paths.includes(replaced);
  });
}

function isMask(system: System, path: string): boolean {
  return system.readLink(path) === "/dev/null";
}

function checkOf(system: System, path: string, required: boolean): Check {
  return { name: path, required, run: (seconds) => runProgram(system, path, seconds) };
}

async function runProgram(system: System, path: string, deadlineSeconds: number): Promise<Outcome> {
  try {
    const { status, stdout, stderr } = await system.run([path], { deadlineSeconds });
    return { failure: describe(status, deadlineSeconds), output: lastLines(stdout + stderr) };
  } catch (error) {
    return { failure: `could not be run: ${reasonOf(error)}`, output: "" };
  }
}

function describe(status: number | undefined, deadlineSeconds: number): string | undefined {
  if (status === undefined) return `did not end within ${deadlineSeconds.toFixed(0)} s`;
  return status === 0 ? undefined : `ended with status ${status}`;
}
