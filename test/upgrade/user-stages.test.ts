import { expect, test } from "bun:test";
import { runChrootStage, runStage, type StageRun } from "../../src/upgrade/user-stages.ts";
import { SILENT } from "../../src/lib/talk.ts";
import type { CommandResult } from "../../src/system/system.ts";
import { memorySystem } from "../fakes/machine.ts";
import { rejection } from "../fakes/source.ts";

const DONE: CommandResult = { status: 0, stdout: "", stderr: "" };

interface Case {
  readonly result?: CommandResult | "cannot start";
  readonly executable?: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
  readonly busy?: string;
  readonly more?: Partial<StageRun>;
}

/** A machine that lists what is done to it. */
function machine({ result = DONE, executable = [], links = {}, busy, more }: Case) {
  const log: string[] = [];
  const warnings: string[] = [];
  const ending = (text: string) => () => {
    log.push(text);
    if (busy !== undefined && text.includes(busy)) throw new Error("EBUSY");
  };
  const system = memorySystem();
  const run: StageRun = {
    system: {
      run: (command) => {
        log.push(command.join(" "));
        return result === "cannot start"
          ? Promise.reject(new Error(`no ${command[0]}`))
          : Promise.resolve(result);
      },
      mounts: {
        ...system.mounts,
        mountFile: (file, path, { isReadOnly }) => {
          log.push(`mount ${file} ${path} ${isReadOnly ? "ro" : "rw"}`);
          return ending(`unmount ${path}`);
        },
        bind: (folder, path) => {
          if (folder === "/missing") throw new Error("ENOENT");
          log.push(`bind ${folder} ${path}`);
          return ending(`unbind ${path}`);
        },
      },
      mounted: { ...system.mounted, flush: (path) => void log.push(`flush ${path}`) },
      isExecutable: (path) => executable.includes(path),
      readLink: (path) => links[path],
    },
    talk: { ...SILENT, warn: (text) => void warnings.push(text) },
    original: "/usr/bin/kairos",
    strict: false,
    ...more,
  };
  return { run, log, warnings };
}

test.each([
  ["/usr/bin/kairos", undefined, "/usr/bin/kairos agent"],
  ["/usr/bin/kairos-agent", undefined, "/usr/bin/kairos-agent"],
  ["/usr/bin/kairos", "/host", "chroot /host /usr/bin/kairos agent"],
])("runStage() runs %s with a root %p", async (original, hostRoot, want) => {
  const { run, log, warnings } = machine({ more: { original, hostRoot } });
  expect(await runStage(run, "before-upgrade")).toEqual({
    stage: "before-upgrade",
    outcome: "done",
  });
  expect(log).toEqual([`${want} run-stage before-upgrade`]);
  expect(warnings).toEqual([]);
});

const FAILURES: readonly (readonly [name: string, of: Case, end: string])[] = [
  [
    "no original",
    { more: { original: undefined } },
    "was not run: this machine has no kairos-agent",
  ],
  [
    "a failure",
    { result: { status: 1, stdout: "one\n", stderr: "2 errors occurred\n" } },
    "failed: status 1: 2 errors occurred",
  ],
  [
    "errors that were ignored",
    {
      result: {
        ...DONE,
        stdout:
          "2026 \u001B[32mINF\u001B[0m Some errors found but were ignored. Enable --strict mode\n" +
          "2026 \u001B[33mWRN\u001B[0m 1 error occurred:\n\t* exit status 7\n\n",
      },
    },
    "failed: it ignored errors: 2026 WRN 1 error occurred: * exit status 7",
  ],
  ["a silent failure", { result: { ...DONE, status: 2 } }, "failed: status 2"],
  ["no end", { result: { ...DONE, status: undefined } }, "failed: it ran longer than 1800 seconds"],
  ["no start", { result: "cannot start" }, "failed: no /usr/bin/kairos"],
];

test.each(FAILURES)("runStage() warns of %s, and goes on", async (_, of, end) => {
  const { run, warnings } = machine(of);
  const { outcome, reason = "" } = await runStage(run, "after-upgrade");
  expect(end).toEndWith(reason);
  expect(outcome).toBe(end.startsWith("failed") ? "failed" : "not run");
  expect(warnings).toEqual([`The stage after-upgrade ${end}, continuing`]);
});

test("runStage() passes on that the configuration is strict", async () => {
  const { run, log } = machine({ more: { strict: true } });
  await runStage(run, "after-upgrade");
  expect(log).toEqual(["/usr/bin/kairos agent run-stage --strict after-upgrade"]);
});

test.each(FAILURES)("runStage() throws for %s when it is strict", async (_, of, end) => {
  const { run } = machine({ ...of, more: { ...of.more, strict: true } });
  expect(await rejection(runStage(run, "after-upgrade"))).toMatchObject({
    code: "unhealthy",
    message: `Cannot go on after the stage after-upgrade ${end}`,
  });
});

const ROOT = { file: "/t.img", mountPoint: "/r", oem: "/oem", persistent: undefined };
const EXECUTABLE = ["/r/usr/bin/kairos"];
const LOOK = ["mount /t.img /r ro", "unmount /r"];
const END = ["unbind /r/oem", "unbind /r/sys", "unbind /r/proc", "unbind /r/dev"];
const RUN = "chroot /r /usr/bin/kairos agent run-stage after-upgrade-chroot";

test("runChrootStage() mounts the new root, shows it the system, and unmounts all of it", async () => {
  const { run, log } = machine({ executable: EXECUTABLE });
  expect(await runChrootStage(run, ROOT)).toEqual({
    stage: "after-upgrade-chroot",
    outcome: "done",
  });
  expect(log).toEqual([
    ...LOOK,
    "mount /t.img /r rw",
    "bind /dev /r/dev",
    "bind /proc /r/proc",
    "bind /sys /r/sys",
    "bind /oem /r/oem",
    RUN,
    ...END,
    "flush /r",
    "unmount /r",
  ]);
});

test("runChrootStage() follows the symlinks of the image inside of it", async () => {
  const { run, log } = machine({
    executable: ["/r/opt/agent"],
    links: {
      "/r/usr/bin/kairos-agent": "/opt/agent",
      "/r/usr/local": "../../var/local",
      "/r/oem": "/etc",
    },
  });
  await runChrootStage(run, { ...ROOT, persistent: "/host/usr/local" });
  expect(log).toContain("bind /oem /r/etc");
  expect(log).toContain("bind /host/usr/local /r/var/local");
  expect(log).toContain("chroot /r /usr/bin/kairos-agent run-stage after-upgrade-chroot");
});

test("runChrootStage() leaves an image without the program as it is", async () => {
  const { run, log, warnings } = machine({});
  expect((await runChrootStage(run, ROOT)).outcome).toBe("not run");
  expect(log).toEqual(LOOK);
  expect(warnings).toEqual([
    "The stage after-upgrade-chroot was not run: the image has no kairos-agent, continuing",
  ]);
});

test("runChrootStage() unmounts after a failure, also a strict one", async () => {
  const result = { ...DONE, status: 1 };
  const { run, log } = machine({ executable: EXECUTABLE, result, more: { strict: true } });
  expect(await rejection(runChrootStage(run, ROOT))).toMatchObject({ code: "unhealthy" });
  const strictRun = RUN.replace("run-stage", "run-stage --strict");
  expect(log.slice(-7)).toEqual([strictRun, ...END, "flush /r", "unmount /r"]);
});

test("runChrootStage() unmounts when a folder cannot be shown", async () => {
  const { run, log } = machine({ executable: EXECUTABLE });
  await expect(runChrootStage(run, { ...ROOT, oem: "/missing" })).rejects.toThrow("ENOENT");
  expect(log.slice(-5)).toEqual([...END.slice(1), "flush /r", "unmount /r"]);
});

test("runChrootStage() throws when the new root cannot be unmounted", async () => {
  const { run, log } = machine({ executable: EXECUTABLE, busy: "unbind /r/proc" });
  await expect(runChrootStage(run, ROOT)).rejects.toThrow("EBUSY");
  expect(log.slice(-7)).toEqual([RUN, ...END, "flush /r", "unmount /r"]);
});
