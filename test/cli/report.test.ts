/** The verb on disk images and without a disk. test/report tests what a report holds. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { reportText } from "../../src/cli/verbs/report.ts";
import { wholeDisk } from "../fakes/whole-disk.ts";
import { ALONE } from "../peers/alone.ts";
import { tandem } from "./tandem.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-report-"));
const at = (name: string): string => join(folder, name);
const disk = at("disk.img");
const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
beforeAll(async () => writeFileSync(disk, (await wholeDisk()).bytes()));
afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  readonly path: string;
  readonly sizeBytes: number;
  readonly parts: readonly string[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

const textsIn = (path: string): string => gunzipSync(readFileSync(path)).toString("latin1");

test("the report holds the results of the verbs, as text and as JSON", async () => {
  const before = readFileSync(disk);
  const { status, stdout } = await tandem(["report", at("all.tar.gz"), "--disk", disk, "--json"]);
  expect(status).toBe(0);
  const { path, sizeBytes, parts } = JSON.parse(stdout) as Result;
  expect({ path, sizeBytes }).toEqual({
    path: at("all.tar.gz"),
    sizeBytes: statSync(at("all.tar.gz")).size,
  });
  const wanted = "version config status why doctor control partition-table esp".split(" ");
  expect(parts).toEqual(expect.arrayContaining(wanted));
  const text = textsIn(path);
  expect(text).toContain("slot a    good, written: v1");
  expect(text).toContain('"noSystem": false');
  expect(text).toContain("ok        boot record: ");
  expect(text).toContain("tandem from source");
  expect(text).toContain(`disk: "${disk}"  # --disk`);
  expect(Buffer.compare(readFileSync(disk), before)).toBe(0);
});

test("without FILE the report is in the working directory, and its name has the time", async () => {
  const place = mkdtempSync(join(folder, "cwd-"));
  const child = Bun.spawn([process.execPath, MAIN, "report", "--disk", disk], {
    cwd: place,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: ALONE,
  });
  const [stdout, status] = await Promise.all([child.stdout.text(), child.exited]);
  expect(status).toBe(0);
  const [name = ""] = readdirSync(place);
  expect(name).toMatch(/^tandem-report-\d{8}T\d{6}Z\.tar\.gz$/);
  expect(stdout).toStartWith(`report    ${join(place, name)} (`);
});

test("with - the report is on stdout, and the missing parts are on stderr", async () => {
  const child = Bun.spawn([process.execPath, MAIN, "report", "-", "--disk", "/none"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: ALONE,
  });
  const [bytes, stderr, status] = await Promise.all([
    child.stdout.bytes(),
    child.stderr.text(),
    child.exited,
  ]);
  expect(status).toBe(0);
  expect(gunzipSync(bytes).toString("latin1")).toContain("/missing.txt");
  expect(stderr).toMatch(/^warning: status: Cannot open \/none: ENOENT.*, continuing$/m);
});

test("without a usable disk the report has the other parts", async () => {
  writeFileSync(at("zeros.img"), new Uint8Array(1 << 20));
  for (const broken of ["/none", at("zeros.img")]) {
    rmSync(at("broken.tar.gz"), { force: true });
    const line = ["report", at("broken.tar.gz"), "--disk", broken, "--json"];
    const { status, stdout } = await tandem(line);
    expect(status).toBe(0);
    const { parts, missing } = JSON.parse(stdout) as Result;
    expect(parts).toEqual(expect.arrayContaining(["version", "config", "cmdline", "mountinfo"]));
    expect(missing.map(({ name }) => name)).toEqual(expect.arrayContaining(["status", "why"]));
    for (const { reason } of missing) expect(reason).toStartWith("Cannot ");
  }
});

test("an invalid configuration is a missing part, and its secrets are not in the report", async () => {
  writeFileSync(at("wrong.yaml"), "tries: 3\npassword: s3cret-word\n");
  const line = ["report", at("config.tar.gz"), "--config", at("wrong.yaml"), "--disk", disk];
  const { status, stdout } = await tandem(line);
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^missing {3}config: Cannot use configuration .*wrong\.yaml: there is no key "password"/m,
  );
  expect(stdout).toContain("status, why, doctor");
  expect(textsIn(at("config.tar.gz"))).not.toContain("s3cret-word");
  expect((await tandem(["status", "--config", at("wrong.yaml"), "--disk", disk])).status).toBe(2);
});

test.each([
  [["report", "disk.img"], "there is a file already"],
  [["report", "none/x.tar.gz"], "there is no "],
  [["report", "."], "it is a directory\n  hint: Name a file in it."],
  [["report", ""], 'Cannot write the report to "": the name is empty'],
  [["report", "disk.img/x"], "disk.img is not a directory"],
  [["report", "-", "--json"], "stdout is for the result with --json"],
  [["report", "a", "b"], '"b" is one word too many'],
])("tandem %p is refused", async (words, why) => {
  const child = Bun.spawn([process.execPath, MAIN, ...words], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: ALONE,
  });
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(why);
});

test("reportText() has a line for each missing part", () => {
  const missing = [{ name: "journal", reason: "Cannot read it: gone" }];
  const text = reportText({ path: "/x", sizeBytes: 2048, parts: ["status", "esp"], missing });
  expect(text.split("\n")).toEqual([
    "report    /x (2.0 KiB)",
    "parts     status, esp",
    "missing   journal: Cannot read it: gone",
  ]);
});
