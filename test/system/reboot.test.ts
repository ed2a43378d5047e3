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

/** The first process of a machine, and what else tells which it is. */
interface Init {
  readonly exe: string | undefined;
  readonly called: string;
  readonly paths?: readonly string[];
}

const INITS = {
  systemd: { exe: "/usr/lib/systemd/systemd", called: "/sbin/init" },
  "systemd in a container": {
    exe: undefined,
    called: "/sbin/init",
    paths: ["/run/systemd/system"],
  },
  "openrc-init": { exe: "/usr/sbin/openrc-init", called: "/sbin/init" },
  runit: { exe: "/usr/bin/runit", called: "runit" },
  "busybox init": { exe: "/bin/busybox", called: "/sbin/init" },
  "busybox init, which has named itself": { exe: "/usr/bin/busybox.static", called: "init" },
  sysvinit: { exe: "/usr/sbin/init", called: "init [2]", paths: ["/run/initctl"] },
  "an older sysvinit": { exe: "/sbin/init", called: "init [2]", paths: ["/dev/initctl"] },
  "a shell script": { exe: "/usr/bin/busybox", called: "/bin/sh\0/sbin/init" },
  "another program": { exe: "/sbin/init", called: "/sbin/init" },
  "nothing that may be seen": { exe: undefined, called: "" },
} as const satisfies Record<string, Init>;

interface World {
  readonly init: Init;
  /** What each program says and ends with; it notes how it was called. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Seconds until the shutdown has reached this process. */
  readonly endsAfter?: number;
}

interface Outcome {
  readonly did: readonly string[];
  readonly said: readonly string[];
  readonly seconds: number;
  readonly error: unknown;
}

/** Lets a machine restart. The programs are real ones, in a PATH that has nothing else in it. */
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
  const said: string[] = [];
  let seconds = 0;
  const { exe, called, paths = [] } = world.init;
  const machine = {
    files: memoryFiles({
      "/proc/1/cmdline": `${called}\0`,
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
        if (seconds > 10_000) throw new Error("it waits for ever");
        if (seconds >= (world.endsAfter ?? Number.POSITIVE_INFINITY)) stop.abort();
      },
    },
    sync: () => note("sync(2)"),
    restart: () => note("reboot(2)"),
  };
  const options: RebootOptions = {
    force,
    wait,
    tell: (text) => said.push(text),
    signal: stop.signal,
  };
  const error = await reboot(machine, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { did: readFileSync(log, "utf8").trimEnd().split("\n"), said, seconds, error };
}

const MANAGERS = [
  ["systemd", "systemctl reboot"],
  ["systemd in a container", "systemctl reboot"],
  ["openrc-init", "openrc-shutdown --reboot now"],
  ["runit", "runit-init 6"],
  ["busybox init", "reboot"],
  ["busybox init, which has named itself", "reboot"],
  ["sysvinit", "shutdown -r now"],
  ["an older sysvinit", "shutdown -r now"],
] as const;
const programOf = (command: string): string => command.split(" ")[0] ?? "";
const REFUSES = "echo Operation inhibited by backup >&2; exit 1";

test.each(MANAGERS)("%s is asked with its own command, and the kernel is not", async (...row) => {
  const [name, command] = row;
  const programs = { [programOf(command)]: "exit 0" };
  const { did, said, error } = await restart({ init: INITS[name], programs }, false);
  expect([did, said, error]).toEqual([[command], [], undefined]);
});

test.each(MANAGERS)("a refusal of %s is an error, and nothing is forced", async (...row) => {
  const [name, command] = row;
  const programs = { [programOf(command)]: REFUSES };
  const { did, error } = await restart({ init: INITS[name], programs }, false);
  expect(did).toEqual([command, "sync(2)"]);
  expect(error).toMatchObject({
    code: "boot",
    message: expect.stringMatching(
      /^Cannot restart the machine: .* refused with status 1: Operation inhibited by backup$/,
    ),
    hint: expect.any(String),
  });
});

test("a service manager whose command is not there is as one that refuses", async () => {
  const { did, error } = await restart({ init: INITS.systemd }, false);
  expect(did).toEqual(["sync(2)"]);
  expect(error).toMatchObject({
    code: "boot",
    message: expect.stringContaining("cannot be reached"),
  });
});

test.each(MANAGERS)(
  "with a verdict, what %s refuses is done by the kernel in the end",
  async (...row) => {
    const [name, command] = row;
    const programs = { [programOf(command)]: REFUSES };
    const { did, said, seconds, error } = await restart({ init: INITS[name], programs }, true);
    // Asked again every ten seconds, then written, then restarted.
    expect(did).toEqual([...Array.from({ length: 31 }, () => command), "sync(2)", "reboot(2)"]);
    expect(said[0]).toContain("refused with status 1: Operation inhibited by backup; asking again");
    expect(said.slice(1)).toEqual([
      expect.stringMatching(/ has not restarted the machine within 300 s$/),
      "Writing what is not on a disk yet, then the kernel restarts the machine",
    ]);
    expect(seconds).toBe(301);
    expect(error).toBeUndefined();
  },
);

test("with a verdict, a service manager that agrees later is given the rest of the time", async () => {
  const once = join(folder, "asked-once");
  const programs = { systemctl: `[ -e ${once} ] && exit 0; : >${once}; exit 1` };
  const world = { init: INITS.systemd, programs, endsAfter: 200 };
  const { did, seconds, error } = await restart(world, true);
  expect(did).toEqual(["systemctl reboot", "systemctl reboot"]);
  expect([seconds, error]).toEqual([301, undefined]);
});

test.each([
  ["at once", "exit 0", 1],
  ["later", `[ -e "$0.asked" ] && exit 0; : >"$0.asked"; exit 1`, 2],
])("with a verdict, one that agrees %s need not be waited for", async (...row) => {
  const [, systemctl, asked] = row;
  const world = { init: INITS.systemd, programs: { systemctl } };
  const { did, error } = await restart(world, true, false);
  expect(did).toEqual(Array.from({ length: asked }, () => "systemctl reboot"));
  expect(error).toBeUndefined();
});

test("with a verdict, a service manager that agrees and does nothing is not waited for without end", async () => {
  const { did, said } = await restart(
    { init: INITS.runit, programs: { "runit-init": "exit 0" } },
    true,
  );
  expect(did).toEqual(["runit-init 6", "sync(2)", "reboot(2)"]);
  expect(said).toHaveLength(3);
});

test.each([true, false])(
  "a shutdown that ends the command which has asked for it is no refusal (%p)",
  async (force) => {
    const world = { init: INITS.systemd, programs: { systemctl: "kill -TERM $$" }, endsAfter: 1 };
    const { did, said, error } = await restart(world, force);
    expect([did, said, error]).toEqual([["systemctl reboot"], [], undefined]);
  },
);

test.each([
  ["a shell script", false],
  ["another program", false],
  ["nothing that may be seen", true],
] as const)("where the first process is %s the kernel restarts, after a sync", async (...row) => {
  const [name, force] = row;
  const programs = { systemctl: "exit 0", reboot: "exit 0", shutdown: "exit 0" };
  const { did, said } = await restart({ init: INITS[name], programs }, force);
  expect(did).toEqual(["sync(2)", "reboot(2)"]);
  expect(said[0]).toBe("No service manager runs here that could be asked");
});

test("a kernel that refuses is an error", async () => {
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
  const options = { force: false, wait: false, tell() {}, signal: new AbortController().signal };
  expect(await rejection(reboot(machine, options))).toMatchObject({
    code: "boot",
    message: "Cannot restart the machine: EPERM",
  });
});
