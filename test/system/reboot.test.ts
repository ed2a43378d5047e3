import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reboot, type RebootOptions } from "../../src/system/reboot.ts";
import { run } from "../../src/system/run.ts";
import { memoryFiles } from "../fakes/files.ts";
import { rejection } from "../fakes/source.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-reboot-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Process 1 of a machine: its executable, its argv[0], and files that identify it. */
interface Init {
  readonly exe: string | undefined;
  readonly calledAs: string;
  readonly paths?: readonly string[];
}

const INITS = {
  systemd: { exe: "/usr/lib/systemd/systemd", calledAs: "/sbin/init" },
  "systemd in a container": {
    exe: undefined,
    calledAs: "/sbin/init",
    paths: ["/run/systemd/system"],
  },
  "openrc-init": { exe: "/usr/sbin/openrc-init", calledAs: "/sbin/init" },
  runit: { exe: "/usr/bin/runit", calledAs: "runit" },
  "busybox init": { exe: "/bin/busybox", calledAs: "/sbin/init" },
  "busybox init with its own argv[0]": { exe: "/usr/bin/busybox.static", calledAs: "init" },
  sysvinit: { exe: "/usr/sbin/init", calledAs: "init [2]", paths: ["/run/initctl"] },
  "an older sysvinit": { exe: "/sbin/init", calledAs: "init [2]", paths: ["/dev/initctl"] },
  "a shell script": { exe: "/usr/bin/busybox", calledAs: "/bin/sh\0/sbin/init" },
  "another program": { exe: "/sbin/init", calledAs: "/sbin/init" },
  "a hidden process": { exe: undefined, calledAs: "" },
} as const satisfies Record<string, Init>;

interface World {
  readonly init: Init;
  /** The script of each program. A program logs its command line, then runs the script. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Seconds until the shutdown ends this process. */
  readonly endsAfter?: number;
}

interface Outcome {
  readonly calls: readonly string[];
  readonly reported: readonly string[];
  readonly seconds: number;
  readonly error: unknown;
}

/** Restarts a simulated machine. The programs are real scripts, alone in their PATH. */
async function restart(world: World, force: boolean, wait = true): Promise<Outcome> {
  const path = mkdtempSync(join(folder, "path-"));
  const log = join(path, "log");
  writeFileSync(log, "");
  const note = (line: string): void => writeFileSync(log, `${line}\n`, { flag: "a" });
  for (const [name, script] of Object.entries(world.programs ?? {})) {
    mkdirSync(path, { recursive: true });
    writeFileSync(
      join(path, name),
      `#!/bin/sh\necho $0 $* | /usr/bin/sed 's|.*/||' >>${log}\n${script}\n`,
    );
    chmodSync(join(path, name), 0o755);
  }
  const stop = new AbortController();
  const reported: string[] = [];
  let seconds = 0;
  const { exe, calledAs, paths = [] } = world.init;
  const machine = {
    files: memoryFiles({
      "/proc/1/cmdline": `${calledAs}\0`,
      ...Object.fromEntries(paths.map((one) => [one, ""])),
    }),
    readLink: (link: string) => (link === "/proc/1/exe" ? exe : undefined),
    run: (command: readonly string[], options: { readonly deadlineSeconds: number }) =>
      run(command, { ...options, environment: { PATH: path } }),
    monotonicMs: () => seconds * 1000,
    probe: {
      async pause(more: number) {
        await Promise.resolve();
        seconds += more;
        if (seconds > 10_000) throw new Error("reboot() waits without end");
        if (seconds >= (world.endsAfter ?? Number.POSITIVE_INFINITY)) stop.abort();
      },
    },
    sync: () => note("sync(2)"),
    restart: () => note("reboot(2)"),
  };
  const options: RebootOptions = {
    force,
    wait,
    report: (text) => reported.push(text),
    signal: stop.signal,
  };
  const error = await reboot(machine, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { calls: readFileSync(log, "utf8").trimEnd().split("\n"), reported, seconds, error };
}

const MANAGERS = [
  ["systemd", "systemctl reboot"],
  ["systemd in a container", "systemctl reboot"],
  ["openrc-init", "openrc-shutdown --reboot now"],
  ["runit", "runit-init 6"],
  ["busybox init", "reboot"],
  ["busybox init with its own argv[0]", "reboot"],
  ["sysvinit", "shutdown -r now"],
  ["an older sysvinit", "shutdown -r now"],
] as const;
const programOf = (command: string): string => command.split(" ")[0] ?? "";
const REFUSES = "echo Operation inhibited by backup >&2; exit 1";

test.each(MANAGERS)(
  "reboot() asks %s with its own command and does not call the kernel",
  async (...row) => {
    const [name, command] = row;
    const programs = { [programOf(command)]: "exit 0" };
    const { calls, reported, error } = await restart({ init: INITS[name], programs }, false);
    expect([calls, reported, error]).toEqual([[command], [], undefined]);
  },
);

test.each(MANAGERS)("reboot() without force throws a refusal of %s", async (...row) => {
  const [name, command] = row;
  const programs = { [programOf(command)]: REFUSES };
  const { calls, error } = await restart({ init: INITS[name], programs }, false);
  expect(calls).toEqual([command, "sync(2)"]);
  expect(error).toMatchObject({
    code: "boot",
    message: expect.stringMatching(
      /^Cannot restart the machine: .* refused with status 1: Operation inhibited by backup$/,
    ),
    hint: expect.any(String),
  });
});

test("reboot() treats a missing command of the service manager as a refusal", async () => {
  const { calls, error } = await restart({ init: INITS.systemd }, false);
  expect(calls).toEqual(["sync(2)"]);
  expect(error).toMatchObject({
    code: "boot",
    message: expect.stringContaining("cannot be reached"),
  });
});

test.each(MANAGERS)(
  "reboot() with force lets the kernel restart after refusals of %s",
  async (...row) => {
    const [name, command] = row;
    const programs = { [programOf(command)]: REFUSES };
    const { calls, reported, seconds, error } = await restart(
      { init: INITS[name], programs },
      true,
    );
    // It asks every ten seconds, flushes, and restarts.
    expect(calls).toEqual([...Array.from({ length: 31 }, () => command), "sync(2)", "reboot(2)"]);
    expect(reported[0]).toContain(
      "refused with status 1: Operation inhibited by backup; asking again",
    );
    expect(reported.slice(1)).toEqual([
      expect.stringMatching(/ has not restarted the machine within 300 s$/),
      "Flushing all file systems, then the kernel restarts the machine",
    ]);
    expect(seconds).toBe(301);
    expect(error).toBeUndefined();
  },
);

test("reboot() with force and wait waits for a service manager that agrees later", async () => {
  const once = join(folder, "asked-once");
  const programs = { systemctl: `[ -e ${once} ] && exit 0; : >${once}; exit 1` };
  const world = { init: INITS.systemd, programs, endsAfter: 200 };
  const { calls, seconds, error } = await restart(world, true);
  expect(calls).toEqual(["systemctl reboot", "systemctl reboot"]);
  expect([seconds, error]).toEqual([301, undefined]);
});

test.each([
  ["at once", "exit 0", 1],
  ["later", `[ -e "$0.asked" ] && exit 0; : >"$0.asked"; exit 1`, 2],
])(
  "reboot() with force and without wait returns when the service manager agrees %s",
  async (...row) => {
    const [, systemctl, asked] = row;
    const world = { init: INITS.systemd, programs: { systemctl } };
    const { calls, error } = await restart(world, true, false);
    expect(calls).toEqual(Array.from({ length: asked }, () => "systemctl reboot"));
    expect(error).toBeUndefined();
  },
);

test("reboot() with force does not wait without end for a service manager that agrees and does nothing", async () => {
  const { calls, reported } = await restart(
    { init: INITS.runit, programs: { "runit-init": "exit 0" } },
    true,
  );
  expect(calls).toEqual(["runit-init 6", "sync(2)", "reboot(2)"]);
  expect(reported).toHaveLength(3);
});

test.each([true, false])(
  "reboot() does not take a command that the shutdown killed for a refusal (force: %p)",
  async (force) => {
    const world = { init: INITS.systemd, programs: { systemctl: "kill -TERM $$" }, endsAfter: 1 };
    const { calls, reported, error } = await restart(world, force);
    expect([calls, reported, error]).toEqual([["systemctl reboot"], [], undefined]);
  },
);

test.each([
  ["a shell script", false],
  ["another program", false],
  ["a hidden process", true],
] as const)("reboot() where process 1 is %s calls the kernel after a sync", async (...row) => {
  const [name, force] = row;
  const programs = { systemctl: "exit 0", reboot: "exit 0", shutdown: "exit 0" };
  const { calls, reported } = await restart({ init: INITS[name], programs }, force);
  expect(calls).toEqual(["sync(2)", "reboot(2)"]);
  expect(reported[0]).toBe("No service manager is running");
});

test("reboot() throws when the kernel refuses", async () => {
  const machine = {
    files: memoryFiles({}),
    readLink: () => undefined,
    run,
    monotonicMs: () => 0,
    probe: { pause: () => Promise.resolve() },
    sync() {},
    restart() {
      throw new Error("EPERM");
    },
  };
  const options = { force: false, wait: false, report() {}, signal: new AbortController().signal };
  expect(await rejection(reboot(machine, options))).toMatchObject({
    code: "boot",
    message: "Cannot restart the machine: EPERM",
  });
});
