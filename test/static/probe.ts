/** The probe (probe/main.ts), built and packed once for all tests of a run, and ways to run it. */
import { join } from "node:path";

import { build } from "../../scripts/build.ts";

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

interface Setup {
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

/** The packed probe. */
export const PROBE = join(import.meta.dir, "../../dist/probe/probe");

await build({
  entrypoints: ["main.ts", "worker.ts"].map((name) => join(import.meta.dir, "probe", name)),
  outfile: PROBE,
});

/** Runs a program to its end with only the given environment. */
export function run(
  words: readonly string[],
  { environment = {}, folder: cwd }: Setup = {},
): Outcome {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...words], {
    env: { ...environment },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), status: exitCode };
}

/** Runs the probe and parses its standard output as JSON. Throws when it fails or writes to stderr. */
export function ask(words: readonly string[], setup: Setup = {}): unknown {
  const { stdout, stderr, status } = run([PROBE, ...words], setup);
  if (status !== 0 || stderr !== "")
    throw new Error(
      `Cannot ask the probe ${words.join(" ")}: status ${status}, ${stderr}${stdout}`,
    );
  return JSON.parse(stdout);
}

/** Runs the probe through a shell script, for limits and redirections. "$0" is the probe, "$@" are the words. */
export function shell(script: string, words: readonly string[] = ["hello"]): Outcome {
  return run(["/bin/sh", "-c", script, PROBE, ...words]);
}
