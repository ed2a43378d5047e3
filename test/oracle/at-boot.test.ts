/** Runs the hooks' script for plain inits in real shells, with programs and files of the test. */
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { hookText } from "../e2e/hook-files.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]];
const COUNTED = "tandem.slot=b tandem.gen=4 tandem.left=1";

interface World {
  readonly cmdline?: string;
  /** The status of `tandem health --overdue`. */
  readonly overdue?: number;
  /** The number of seconds until the verdict. */
  readonly verdictAfter?: number;
  /** Whether there is a mark of another boot. */
  readonly stale?: boolean;
}

/** Returns the calls and the output of the script and of its background processes. */
async function atBoot(
  shell: readonly string[],
  args: readonly string[],
  world: World,
): Promise<string[]> {
  await using folder = await temporaryFolder();
  const { cmdline = COUNTED, overdue = 0, verdictAfter = 1_000_000, stale = false } = world;
  const files = { cmdline: `${cmdline}\n`, boot_id: "this\n", log: "", console: "", now: "0\n" };
  mkdirSync(folder.in("run"));
  mkdirSync(folder.in("bin"));
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.in(name), text);
  if (stale) writeFileSync(folder.in("run/verdict"), "another\n");
  const log = folder.in("log");
  const programs = {
    tandem: `echo "tandem $*" >>${log}\ncase $* in *overdue*) exit ${overdue} ;; esac`,
    reboot: `echo "reboot $*" >>${log}`,
    sync: `echo sync >>${log}`,
    // Only this program advances the time.
    sleep: `now=$(($(cat ${folder.in("now")}) + $1)); echo $now >${folder.in("now")}
      if [ $now -ge ${verdictAfter} ]; then echo this >${folder.in("run/verdict")}; fi`,
  };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(folder.in(`bin/${name}`), `#!/bin/sh\n${text}\n`);
    chmodSync(folder.in(`bin/${name}`), 0o755);
  }
  const script = redirected(hookText("init", "/usr/lib/tandem/at-boot"), folder.path);
  writeFileSync(folder.in("at-boot"), script);
  const env = { PATH: `${folder.in("bin")}:/usr/bin:/bin` };
  const child = Bun.spawn([...shell, folder.in("at-boot"), ...args], {
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
  // A background process keeps the pipe open until it ends.
  const [out, err, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  const said = await Bun.file(folder.in("console")).text();
  const did = await Bun.file(log).text();
  const seconds = (await Bun.file(folder.in("now")).text()).trim();
  return [
    ...did.trim().split("\n"),
    ...said.trim().split("\n"),
    `${seconds} s, status ${status}`,
    ...[out, err].filter((text) => text !== ""),
  ].filter((line) => line !== "");
}

/**
 * Replaces programs and files in the script by those of the test. With bare names busybox's shell would run its own
 * programs and reboot the machine of the test.
 */
function redirected(text: string, folder: string): string {
  const script = text
    .replaceAll("/proc/cmdline", `${folder}/cmdline`)
    .replaceAll("/proc/sys/kernel/random/boot_id", `${folder}/boot_id`)
    .replaceAll("/proc/sysrq-trigger", `${folder}/sysrq`)
    .replaceAll("/run/tandem", `${folder}/run`)
    .replaceAll(">/dev/console", `>>${folder}/console`)
    .replaceAll(/^(\s*)(tandem|reboot|sync|sleep)(?= |$)/gm, `$1${folder}/bin/$2`);
  const code = script.replaceAll(/^\s*#.*$|"[^"]*"/gm, "");
  expect(code).not.toMatch(/(?<!bin\/|--)\b(?:reboot|sync|sleep)\b/);
  expect(code).not.toMatch(/[ >]\/(?:proc|run|dev)\//);
  return script;
}

const OVERDUE = "tandem health --overdue --reboot";
const GIVES_UP = "tandem: slot b: no good verdict within 20 s, rebooting";

for (const shell of SHELLS) {
  const name = shell[0] ?? "";

  test(`${name}: at-boot watch asks for the verdict when the time of a counted boot is over`, async () => {
    expect(await atBoot(shell, ["watch"], {})).toEqual([
      "tandem watchdog arm",
      OVERDUE,
      "20 s, status 0",
    ]);
  });

  test(`${name}: at-boot watch ends with the verdict`, async () => {
    expect(await atBoot(shell, ["watch"], { verdictAfter: 7 })).toEqual([
      "tandem watchdog arm",
      "10 s, status 0",
    ]);
  });

  test(`${name}: at-boot watch ignores the mark of another boot`, async () => {
    expect(await atBoot(shell, ["watch"], { stale: true })).toContain(OVERDUE);
  });

  test(`${name}: at-boot reboots through the init, then the kernel, when tandem fails`, async () => {
    expect(await atBoot(shell, ["watch"], { overdue: 127 })).toEqual([
      "tandem watchdog arm",
      OVERDUE,
      "reboot ",
      "sync",
      "reboot -f",
      GIVES_UP,
      "tandem: slot b: still up, rebooting by force",
      "80 s, status 0",
    ]);
  });

  test(`${name}: at-boot checks a boot that is not counted, and never ends it`, async () => {
    const did = await atBoot(shell, [], { cmdline: "tandem.slot=a tandem.gen=4", overdue: 127 });
    expect(did).toEqual(["tandem health --reboot", "0 s, status 0"]);
  });
}
