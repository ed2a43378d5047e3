import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ALONE } from "../peers/alone.ts";

const ROOT = join(import.meta.dir, "../..");
let bundled: Promise<string> | undefined;

/** The path of tandem's sources in one file, made once for all tests of a run. A start from 300 files takes twice as long. */
function mainFile(): Promise<string> {
  bundled ??= bundle();
  return bundled;
}

async function bundle(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "tandem-bundle-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  await Bun.build({
    entrypoints: ["src/main.ts", "src/write/worker.ts", "src/write/hasher.ts"].map((path) =>
      join(ROOT, path),
    ),
    target: "bun",
    sourcemap: "inline",
    outdir: folder,
    // Threads are started from the file "./worker.ts".
    naming: { entry: "[name].ts" },
  });
  return join(folder, "main.ts");
}

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
  const child = Bun.spawn([process.execPath, await mainFile(), ...args], {
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
