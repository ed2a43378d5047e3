import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verbs } from "../../src/cli/verbs.ts";
import { ALONE } from "../peers/alone.ts";
import { tandem } from "./tandem.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-run-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
writeFileSync(at("wrong.yaml"), "tries: many\n");
writeFileSync(at("zeros.img"), new Uint8Array(1 << 20));
Bun.spawnSync(["mkfifo", at("fifo")]);

/** What the first line on stderr says after "tandem: ". Nothing is printed on stdout. */
const REFUSED: readonly (readonly [string, number, string])[] = [
  ["bogus", 2, 'Cannot run "bogus": there is no such verb'],
  ["--bogus status", 2, 'Cannot run "--bogus": there is no such verb'],
  ["status --bogus", 2, 'Cannot read the arguments of status: Unknown option "--bogus"'],
  ["status now", 2, 'Cannot read the arguments of status: "now" is one word too many'],
  ["version --long --long=yes", 2, "Cannot read the arguments of version: Option"],
  ["upgrade", 2, "Cannot read the arguments of upgrade: --source is missing"],
  ["upgrade --source", 2, "Cannot read the arguments of upgrade: Option"],
  ["upgrade --source oci:a/b --tries 0", 2, 'Cannot use --tries "0": want a whole number'],
  ["upgrade --source oci:a/b --tries 31", 2, 'Cannot use --tries "31": want a whole number'],
  ["rollback --tries many", 2, 'Cannot use --tries "many": want a whole number'],
  ["write oci-layout:x", 2, "Cannot read the arguments of write: 1 more word(s) needed"],
  ["write oci-layout:x y --size large", 2, 'Cannot use --size "large": want a size'],
  ["mark maybe", 2, 'Cannot mark a slot "maybe": want good or bad'],
  ["mark bad c", 2, 'Cannot mark slot "c": want a, b or recovery'],
  ["verify c", 2, 'Cannot verify slot "c": want a, b or recovery'],
  ["status --disk", 2, "Cannot read the arguments: --disk needs a value"],
  [`config --config ${at("none.yaml")}`, 2, `Cannot use configuration ${at("none.yaml")}: there`],
  [`config --config ${at("wrong.yaml")}`, 2, `Cannot use configuration ${at("wrong.yaml")}: tries`],
  [`config --config ${folder}`, 2, `Cannot use configuration ${folder}: `],
  ["write foo:bar x.img", 3, 'Cannot open source "foo:bar": want oci:REFERENCE'],
  [`write oci-layout:${at("none")} x.img`, 3, `Cannot open "${at("none")}"`],
  [`write oci-archive:${at("none")} x.img`, 3, `Cannot open "${at("none")}"`],
  [
    `write oci-layout:${folder} x.img`,
    6,
    `Cannot read oci-layout:${folder}: it has no "oci-layout"`,
  ],
  [`status --disk ${at("none.img")}`, 8, `Cannot open ${at("none.img")}: ENOENT`],
  [`status --disk ${at("zeros.img")}`, 8, "Cannot read"],
  [`rollback --disk ${folder}`, 8, `Cannot open ${folder}: it is a directory, want a block device`],
  [`status --disk ${at("fifo")}`, 8, `Cannot open ${at("fifo")}: it is a FIFO, want a block`],
  [`config --config ${at("fifo")}`, 2, `Cannot use configuration ${at("fifo")}: it is a FIFO`],
  [`write oci-archive:${at("fifo")} x.img`, 3, `Cannot open "${at("fifo")}": it is a FIFO, want a`],
];

test.concurrent.each(REFUSED)("tandem %s ends with status %i", async (line, status, message) => {
  const ended = await tandem(line.split(" "));
  expect(ended.stderr).toStartWith(`tandem: ${message}`);
  expect(ended).toMatchObject({ status, stdout: "" });
  expect(ended.stderr).not.toContain("    at ");
});

test.concurrent.each(verbs.map(({ name }) => name))(
  "tandem %s --help tells its words",
  async (name) => {
    const { status, stdout, stderr } = await tandem([name, "--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`USAGE tandem ${name}`);
    expect(stdout).not.toContain("\u001B");
  },
);

test.concurrent.each([["--help"], ["-h"], ["help"], ["--debug --help"]])(
  "tandem %s prints the overview",
  async (line) => {
    const { status, stdout, stderr } = await tandem(line.split(" "));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("Usage: tandem VERB");
  },
);

test("tandem alone prints the overview as what went wrong", async () => {
  const { status, stdout, stderr } = await tandem([]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain("Usage: tandem VERB");
});

test.concurrent.each([["--debug verify c"], ["verify --debug c"], ["verify c --debug"]])(
  "tandem %s prints the stack too",
  async (line) => {
    const { status, stderr } = await tandem(line.split(" "));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^tandem: Cannot verify slot "c"/);
    expect(stderr).toMatch(/^ +at .*verify\.ts/m);
  },
);

test.concurrent.each([
  ["--json verify c"],
  ["verify c --json"],
  ["--json verify c --debug --quiet"],
])("tandem %s prints the error as one JSON line", async (line) => {
  const { status, stdout, stderr } = await tandem(line.split(" "));
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(stderr)).toEqual({
    level: "error",
    code: "usage",
    text: 'Cannot verify slot "c": want a, b or recovery',
  });
});

test("an error's hint is told", async () => {
  const missing = at("none.img");
  const { stderr } = await tandem(["write", "debian:12", missing]);
  expect(stderr.split("\n")).toEqual([
    expect.stringMatching(/^tandem: Cannot open source "debian:12"/),
    "  hint: Write oci:debian:12",
    "",
  ]);
});

test("tandem config tells where each value came from", async () => {
  const args = ["config", "--disk", "/dev/sdx", "--json"];
  const { status, stdout } = await tandem(args, { TANDEM_TRIES: "5" });
  expect(status).toBe(0);
  const rows = JSON.parse(stdout) as { key: string; value: unknown; origin: string }[];
  expect(rows).toContainEqual({ key: "disk", value: "/dev/sdx", origin: "--disk" });
  expect(rows).toContainEqual({ key: "tries", value: 5, origin: "TANDEM_TRIES" });
  const text = await tandem(["config"], { TANDEM_TRIES: "5" });
  expect(text.stdout).toContain("tries: 5  # TANDEM_TRIES\n");
  expect(text.stdout).toContain('labels.a: "tandem-a"');
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends what is under way with status 130",
  async (signal) => {
    const asked = Promise.withResolvers<void>();
    using registry = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch() {
        asked.resolve();
        // It never answers.
        return new Promise<Response>(() => {});
      },
    });
    const image = `oci:127.0.0.1:${registry.port}/os:1`;
    const child = Bun.spawn(
      [process.execPath, "src/main.ts", "write", image, at("stopped.img"), "--size=8MiB"],
      { stdout: "pipe", stderr: "pipe", env: ALONE },
    );
    await asked.promise;
    child.kill(signal);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(await child.exited).toBe(130);
    expect(stdout).toBe("");
    expect(stderr).toContain(`Stopping on ${signal}`);
    expect(stderr).toContain("tandem: ");
    expect(stderr).not.toContain("bug");
  },
);
