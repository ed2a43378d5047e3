/** The facts in the binary about the origin of its sources and parts. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import type { BuildInfo } from "../../src/lib/build-info.ts";
import manifest from "../../package.json";

const ROOT = join(import.meta.dir, "../..");
/** The sources of the binary. Changes of other files do not mark the binary as modified. */
const SOURCES = ["src", "scripts", "package.json", "package-lock.json"] as const;

export function originOf(glibc: string): BuildInfo {
  checkBun();
  const revision = git("rev-parse", "--short=12", "HEAD");
  return {
    version: manifest.version,
    ...(revision === undefined ? {} : { revision }),
    modified: Boolean(git("status", "--porcelain", "--", ...SOURCES)),
    bun: `${Bun.version}+${Bun.revision.slice(0, 9)}`,
    glibc,
  };
}

/** The binary contains the Bun that builds it, so that must be the pinned version. */
function checkBun(): void {
  const want = manifest.devDependencies.bun;
  if (Bun.version !== want)
    throw new Error(
      `Cannot build with Bun ${Bun.version}: package.json wants ${want} (run "make build")`,
    );
}

function git(...args: readonly string[]): string | undefined {
  // Another user may own the checkout. The build runs its files anyway.
  const words = ["-c", "safe.directory=*", ...args];
  const { status, stdout } = spawnSync("git", words, { cwd: ROOT, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
