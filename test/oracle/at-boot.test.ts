/** The script of the hooks for plain inits, run by real shells on a machine whose programs and files are the test's own. */
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { hookText } from "../e2e/hook-files.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]];
const COUNTED = "tandem.slot=b tandem.gen=4 tandem.left=1";

interface World {
  readonly cmdline?: string;
  /** What `tandem health --overdue` ends with. */
  readonly overdue?: number;
  /** The verdict comes when so many seconds have passed. */
  readonly verdictAfter?: number;
  /** The mark of another boot lies there. */
  readonly stale?: boolean;
}

/** What the script did and said, until it and all that it has left in the background has ended. */
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
    // Time passes only here.
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
  // The background holds the pipe until it has ended.
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
 * The script with the test's own programs and files. By their names alone busybox's shell would run its own programs, and the machine of
 * the test would reboot.
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

  test(`${name}: the watch of a counted boot asks for the verdict when its time is over`, async () => {
    expect(await atBoot(shell, ["watch"], {})).toEqual([
      "tandem watchdog arm",
      OVERDUE,
      "20 s, status 0",
    ]);
  });

  test(`${name}: a verdict ends the watch`, async () => {
    expect(await atBoot(shell, ["watch"], { verdictAfter: 7 })).toEqual([
      "tandem watchdog arm",
      "10 s, status 0",
    ]);
  });

  test(`${name}: the mark of another boot's verdict does not`, async () => {
    expect(await atBoot(shell, ["watch"], { stale: true })).toContain(OVERDUE);
  });

  test(`${name}: where tandem cannot end the boot, the init is asked, and then the kernel`, async () => {
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

  test(`${name}: a boot that is not counted is checked and never ended`, async () => {
    const did = await atBoot(shell, [], { cmdline: "tandem.slot=a tandem.gen=4", overdue: 127 });
    expect(did).toEqual(["tandem health --reboot", "0 s, status 0"]);
  });
}
