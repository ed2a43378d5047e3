/** The command line of the built binary: arguments, statuses, messages, pipes and signals. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verbs } from "../../src/cli/verbs.ts";
import { fakeImage } from "../fakes/image.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { ALONE } from "../peers/alone.ts";
import { ended, type Run, spawn, TANDEM } from "./appliance.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-command-line-"));
// The binary runs as nobody.
chmodSync(folder, 0o777);
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
writeFileSync(at("wrong.yaml"), "tries: many\n");
writeFileSync(at("zeros.img"), new Uint8Array(1 << 20));
Bun.spawnSync(["mkfifo", at("fifo")]);

function tandem(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Run> {
  return ended(spawn(args, { variables: { ...ALONE, ...variables } }));
}

/** Arguments, exit status, and the first line on stderr after "tandem: ". Nothing is printed on stdout. */
const REFUSED: readonly (readonly [string, number, string])[] = [
  ["bogus", 2, 'Cannot run "bogus": there is no such verb'],
  ["--bogus status", 2, 'Cannot run "--bogus": there is no such verb'],
  ["status --bogus", 2, 'Cannot read the arguments of status: Unknown option "--bogus"'],
  ["status now", 2, 'Cannot read the arguments of status: "now" is one word too many'],
  ["version --long=maybe", 2, "Cannot read the arguments of version: --long=maybe is neither"],
  ["status --disk a --disk b", 2, "Cannot read the arguments: --disk is given twice"],
  ["rollback --to a --to b", 2, "Cannot read the arguments of rollback: --to is given twice"],
  [`write x ${at("x")} --label 12345678901234567`, 2, 'Cannot use --label "12345678901234567": it'],
  [`hooks install init --root ${at("none")}`, 2, `Cannot install init in ${at("none")}: it does`],
  ["upgrade", 2, "Cannot read the arguments of upgrade: --source is missing"],
  ["upgrade --source", 2, "Cannot read the arguments of upgrade: Option"],
  ["upgrade --source oci:a/b --tries 0", 2, 'Cannot use --tries "0": want a whole number'],
  ["upgrade --source oci:a/b --tries 31", 2, 'Cannot use --tries "31": want a whole number'],
  ["rollback --tries many", 2, 'Cannot use --tries "many": want a whole number'],
  ["write oci-layout:x", 2, "Cannot run tandem write: TARGET is missing (a block device or"],
  ["write oci-layout:x y --size large", 2, 'Cannot use --size "large": want a size'],
  ["write", 2, "Cannot run tandem write: SOURCE and TARGET are missing"],
  ["mark", 2, "Cannot run tandem mark: VERDICT is missing (good or bad)"],
  ["hooks", 2, "Cannot run tandem hooks: ACTION is missing (list, print or install)"],
  ["watchdog", 2, "Cannot run tandem watchdog: ACTION is missing (arm or stop)"],
  ["hooks install systemd --root=", 2, "Cannot read the arguments of hooks: --root needs a value"],
  ["help bogus", 2, 'Cannot run "bogus": there is no such verb'],
  ["mark maybe", 2, 'Cannot mark a slot "maybe": want good or bad'],
  ["mark bad c", 2, 'Cannot mark slot "c": want a, b, recovery, active or passive'],
  ["verify c", 2, 'Cannot verify slot "c": want a, b, recovery, active or passive'],
  ["status --disk", 2, "Cannot read the arguments: --disk needs a value"],
  [`config --config ${at("none.yaml")}`, 2, `Cannot use configuration ${at("none.yaml")}: there`],
  [`config --config ${at("wrong.yaml")}`, 2, `Cannot use configuration ${at("wrong.yaml")}: tries`],
  [`config --config ${folder}`, 2, `Cannot use configuration ${folder}: `],
  ["write foo:bar x.img", 3, 'Cannot open source "foo:bar": want oci:REFERENCE'],
  [`write oci-layout:${at("none")} x.img`, 3, `Cannot open "${at("none")}"`],
  [`write oci-archive:${at("none")} x.img`, 3, `Cannot open "${at("none")}"`],
  [`write dir:${at("none")} x.img --size 8M`, 3, `Cannot open "dir:${at("none")}": there is no`],
  [
    `write dir:${at("fifo")} x.img --size 8M`,
    3,
    `Cannot open "dir:${at("fifo")}": it is a FIFO, want a directory`,
  ],
  [
    `write dir:${at("wrong.yaml")} x.img --size 8M`,
    3,
    `Cannot open "dir:${at("wrong.yaml")}": it is a file, want a directory`,
  ],
  [`write dir:${folder} x.img --exclude=`, 2, 'Cannot exclude "": it is no path below the folder'],
  [
    `write dir:${folder} x.img --exclude /a,b/../c`,
    2,
    'Cannot exclude "/a,b/../c": it is no path below the folder',
  ],
  ["write dir:/x x.img --exclude ../y", 2, 'Cannot exclude "../y": it is no path below the folder'],
  ["write oci:x.io/y x.img --exclude /", 2, 'Cannot exclude "/": it is no path below the folder'],
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
  const run = await tandem(line.split(" "));
  expect(run.stderr).toStartWith(`tandem: ${message}`);
  expect(run).toMatchObject({ status, stdout: "" });
  expect(run.stderr).not.toContain("    at ");
});

test.concurrent.each(verbs.map(({ name }) => name))(
  "tandem %s --help lists its arguments",
  async (name) => {
    const { status, stdout, stderr } = await tandem([name, "--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`USAGE tandem ${name}`);
    expect(stdout).not.toContain("\u001B");
  },
);

test("tandem help VERB prints the help of the verb", async () => {
  const { status, stdout, stderr } = await tandem(["help", "upgrade"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("USAGE tandem upgrade");
});

test.concurrent.each([["--help"], ["-h"], ["help"], ["help help"], ["--debug --help"]])(
  "tandem %s prints the overview",
  async (line) => {
    const { status, stdout, stderr } = await tandem(line.split(" "));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("Usage: tandem VERB");
  },
);

test("tandem without arguments prints the overview on stderr, with status 2", async () => {
  const { status, stdout, stderr } = await tandem([]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain("Usage: tandem VERB");
});

test.concurrent.each([["--debug verify c"], ["verify --debug c"], ["verify c --debug"]])(
  "tandem %s prints the stack and mentions tandem report",
  async (line) => {
    const { status, stderr } = await tandem(line.split(" "));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^tandem: Cannot verify slot "c"/);
    expect(stderr).toMatch(/^ +at run \(/m);
    expect(stderr).toEndWith("run tandem report and attach the file that it writes.\n");
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
    text: 'Cannot verify slot "c": want a, b, recovery, active or passive',
  });
});

test("the hint of an error is printed", async () => {
  const missing = at("none.img");
  const { stderr } = await tandem(["write", "debian:12", missing]);
  expect(stderr.split("\n")).toEqual([
    expect.stringMatching(/^tandem: Cannot open source "debian:12"/),
    "  hint: Write oci:debian:12",
    "",
  ]);
});

test("tandem config prints the origin of each value", async () => {
  const args = ["config", "--disk", "/dev/sdx", "--json"];
  const { status, stdout } = await tandem(args, { TANDEM_TRIES: "5" });
  expect(status).toBe(0);
  const { values } = JSON.parse(stdout) as {
    values: { key: string; value: unknown; origin: string }[];
  };
  expect(values).toContainEqual({ key: "disk", value: "/dev/sdx", origin: "--disk" });
  expect(values).toContainEqual({ key: "tries", value: 5, origin: "TANDEM_TRIES" });
  const text = await tandem(["config"], { TANDEM_TRIES: "5" });
  expect(text.stdout).toContain("tries: 5  # TANDEM_TRIES\n");
  expect(text.stdout).toContain('labels:\n  control: "tandem-control"  # default\n');
});

const bare = (text: string): string => text.replaceAll(/ {2}# .*$/gm, "");

test("--config accepts what tandem config prints", async () => {
  const full = at("full.yaml");
  const expected = "processes: [a]\n    freeSpace: {/var: 5MiB, '/a b: c': 7}";
  writeFileSync(full, `tries: 4\nlimit: 2\njobs: 3\nhealth:\n  expect:\n    ${expected}\n`);
  for (const args of [[], ["--config", full, "--disk", "/dev/x y"]]) {
    const first = await tandem(["config", ...args]);
    writeFileSync(at("again.yaml"), first.stdout);
    const again = await tandem(["config", "--config", at("again.yaml")]);
    expect(again.stderr).toBe("");
    expect(bare(again.stdout)).toBe(bare(first.stdout));
  }
});

test.concurrent.each([
  ["TANDEM_LIMIT", " "],
  ["TANDEM_LIMIT", "0x3"],
  ["TANDEM_TRIES", "0x3"],
  ["TANDEM_TRIES", "1e0"],
  ["TANDEM_JOBS", "\t"],
  ["TANDEM_JOBS", "2.0"],
  ["TANDEM_DISK", " "],
  ["TANDEM_DISK", "sda"],
  ["TANDEM_INSECURE_REGISTRIES", " "],
  ["TANDEM_INSECURE_REGISTRIES", "a,,b"],
])("the message names a variable that is blank or malformed: %s=%p", async (name, value) => {
  const { status, stdout, stderr } = await tandem(["config"], { [name]: value });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toStartWith(`tandem: Cannot use ${name}="${value}": `);
});

/** The output of a shell script that runs tandem as "$@" with redirections. */
async function shell(script: string): Promise<string> {
  const child = Bun.spawn(["sh", "-c", script, "sh", TANDEM], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: ALONE,
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return stdout + stderr;
}

/** The reader of the pipe ends before the first byte is written. */
test.concurrent.each([
  ["config", 0],
  ["--help", 0],
  ["--version", 0],
  ["version", 0],
  ["hooks print systemd,dracut", 0],
  ["status --disk /none", 8],
])(
  "tandem %s ends without a message and with status %i when the reader has ended",
  async (line, status) => {
    const end = `{ "$@" ${line}; echo "status $?" >&3; }`;
    expect(await shell(`${end} 3>&1 >/dev/null 2>&1 | cat; (${end} 2>&1 3>&4 | true) 4>&1`)).toBe(
      `status ${status}\n`.repeat(2),
    );
  },
);

test("a result that cannot be printed is an error", async () => {
  const said = await shell(`"$@" version >/dev/full; echo "status $?"`);
  expect(said).toContain("status 8\n");
  expect(said).toContain("tandem: Cannot print the result: ENOSPC");
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends the current step, with status 130",
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
    const child = spawn(["write", image, at("stopped.img"), "--size=8MiB"]);
    await asked.promise;
    child.kill(signal);
    const { status, stdout, stderr } = await ended(child);
    expect(status).toBe(130);
    expect(stdout).toBe("");
    expect(stderr).toContain(`Stopping on ${signal}`);
    expect(stderr).toContain("tandem: ");
    expect(stderr).not.toContain("bug");
    expect(existsSync(at("stopped.img"))).toBe(false);
  },
);

test.each(["SIGINT", "SIGTERM"] as const)(
  "after %s the file that write has made is removed",
  async (signal) => {
    await using registry = new FakeRegistry();
    const image = fakeImage();
    registry.putImage(image);
    const asked = Promise.withResolvers<void>();
    for (const { digest } of image.layers)
      registry.script(`/v2/ns/app/blobs/${digest}`, () => {
        asked.resolve();
        return new Promise<Response>(() => {});
      });
    const target = at(`${signal}.img`);
    const child = spawn(["write", `oci:${registry.host}/ns/app`, target, "--size=8MiB"]);
    await asked.promise;
    expect(existsSync(target)).toBe(true);
    child.kill(signal);
    expect((await ended(child)).status).toBe(130);
    expect(existsSync(target)).toBe(false);
  },
);
