import { fileURLToPath } from "node:url";

import { ALONE } from "../peers/alone.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs tandem from its sources. Its environment has nothing of the host but `variables`. */
export async function tandem(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...ALONE, ...variables },
  });
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}
