/** Equal sources give equal binaries. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";

const ROOT = join(import.meta.dir, "../..");
const BUILD = `
import { build } from "./scripts/build.ts";
const probe = process.cwd() + "/test/static/probe";
await build({ entrypoints: [probe + "/main.ts", probe + "/worker.ts"], outfile: process.argv[1] });`;

test("two builds in two places, with two environments, are the same", async () => {
  await using one = await temporaryFolder();
  await using two = await temporaryFolder("/var/tmp");
  buildIn(one, "a", { HOME: "/", TZ: "UTC", NODE_ENV: "development", LANG: "C" });
  buildIn(two, "deep/er/b", { HOME: two.path, TZ: "Asia/Tokyo", TMPDIR: two.path, CC: "gcc" });
  const [first, second] = [one.in("a/dist/probe"), two.in("deep/er/b/dist/probe")];
  expect(digest(first)).toBe(digest(second));
  expect(digest(`${first}/../THIRD-PARTY`)).toBe(digest(`${second}/../THIRD-PARTY`));
});

/** Copies what a build needs to a folder inside, and builds the probe there. */
function buildIn(parent: TemporaryFolder, path: string, environment: Record<string, string>): void {
  const folder = parent.in(path);
  mkdirSync(folder, { recursive: true });
  const parts = [
    "scripts/build.ts",
    "scripts/release.ts",
    "scripts/static",
    "src/lib",
    "test/static/probe",
    "package.json",
  ];
  for (const part of parts) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const { exitCode, stderr } = Bun.spawnSync(
    [process.execPath, "-e", BUILD, join(folder, "dist/probe")],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"], ...environment },
      stderr: "pipe",
    },
  );
  if (exitCode !== 0) throw new Error(`Cannot build in ${folder}: ${stderr.toString()}`);
}

function digest(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(join(path))).digest("hex");
}
