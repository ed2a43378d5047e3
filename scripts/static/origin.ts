/** Facts that go into the binary: where its sources and its parts come from. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import type { BuildInfo } from "../../src/lib/build-info.ts";
import manifest from "../../package.json";

const ROOT = join(import.meta.dir, "../..");
/** What the binary is made from; changes elsewhere do not make it a modified one. */
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

/** The program runs on the Bun that builds it, so that has to be the pinned one. */
function checkBun(): void {
  const want = manifest.devDependencies.bun;
  if (Bun.version !== want)
    throw new Error(
      `Cannot build with Bun ${Bun.version}: package.json wants ${want} (run "make build")`,
    );
}

function git(...args: readonly string[]): string | undefined {
  // Somebody else may own the checkout. Whoever builds what is in there runs it anyway.
  const words = ["-c", "safe.directory=*", ...args];
  const { status, stdout } = spawnSync("git", words, { cwd: ROOT, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
