/** Equal sources give equal binaries. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { command } from "../peers/command.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";

const ROOT = join(import.meta.dir, "../..");
/** Another user may own the checkout. */
const GIT_CONFIG = "[safe]\n\tdirectory = *\n";
type Git = (...words: readonly string[]) => Promise<string>;
const BUILD = `
import { build } from "./scripts/build.ts";
const probe = process.cwd() + "/test/static/probe";
await build({ entrypoints: [probe + "/main.ts", probe + "/worker.ts"], outfile: process.argv[1] });`;

test("two builds in different folders and environments are equal", async () => {
  await using one = await temporaryFolder();
  await using two = await temporaryFolder("/var/tmp");
  buildIn(one, "a", { HOME: "/", TZ: "UTC", NODE_ENV: "development", LANG: "C" });
  buildIn(two, "deep/er/b", { HOME: two.path, TZ: "Asia/Tokyo", TMPDIR: two.path, CC: "gcc" });
  const [first, second] = [one.in("a/dist/probe"), two.in("deep/er/b/dist/probe")];
  expect(digest(first)).toBe(digest(second));
  expect(digest(`${first}/../THIRD-PARTY`)).toBe(digest(`${second}/../THIRD-PARTY`));
});

test("two builds of tandem from two clones of a commit are equal, and name the commit", async () => {
  await using one = await temporaryFolder();
  await using two = await temporaryFolder("/var/tmp");
  await Bun.write(one.in("gitconfig"), GIT_CONFIG);
  const git: Git = (...words) =>
    command("env", `GIT_CONFIG_GLOBAL=${one.in("gitconfig")}`, "git", ...words);
  const revision = (await git("-C", ROOT, "rev-parse", "--short=12", "HEAD")).trim();
  const first = await buildClone(git, revision, { folder: one.in("a"), cwd: "/" });
  const second = await buildClone(git, revision, { folder: two.in("deep/er/b"), cwd: two.path });
  expect(digest(first)).toBe(digest(second));
  expect(digest(`${first}/../THIRD-PARTY`)).toBe(digest(`${second}/../THIRD-PARTY`));
  expect(await command(first, "--version")).toEndWith(` (${revision})\n`);
});

/** Builds a commit in `folder` with the working directory `cwd`. Returns the path of the binary. */
async function buildClone(
  git: Git,
  revision: string,
  { folder, cwd }: { readonly folder: string; readonly cwd: string },
): Promise<string> {
  await git("clone", "--quiet", "--shared", "--no-checkout", ROOT, folder);
  // The repository may get a new commit while this runs.
  await git("-C", folder, "checkout", "--quiet", "--detach", revision);
  // Not a symlink: the bundler would see the same files under other paths.
  await command("cp", "-a", join(ROOT, "node_modules"), join(folder, "node_modules"));
  const bun = join(folder, "node_modules/.bin/bun");
  await command("env", "-C", cwd, bun, join(folder, "scripts/build.ts"));
  return join(folder, "dist/tandem");
}

/** Copies the files for a build to a folder, and builds the probe there. */
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
