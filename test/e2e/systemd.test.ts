/**
 * Tests the units of `tandem hooks` under a real systemd. A script replaces tandem; the kernel options select whether
 * its checks pass, fail or hang.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../scripts/disk/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { SETTINGS, writeHook } from "./hook-files.ts";
import { startMachine } from "./machine.ts";
import { makeSystemdRoot } from "./systemd-root.ts";

setDefaultTimeout(1_800_000);

const KERNEL = join(import.meta.dir, "../../dist/kernel");
const VERSION = readdirSync(join(KERNEL, "lib/modules"))[0] ?? "";
const WITHIN_SECONDS = 600;

const TANDEM = `#!/bin/sh
echo "stand-in: tandem $*"
cmdline=$(cat /proc/cmdline)
case "$*" in
"health --reboot")
  case $cmdline in
  # Like the kernel's SIGALRM for a tandem that hangs.
  *checks.hang*) sleep 5; kill -ALRM $$ ;;
  *checks.fail*) exit 11 ;;
  esac
  touch /run/good
  ;;
"health --overdue") if [ ! -e /run/good ]; then exit 11; fi ;;
esac
`;

/** Prints when the target is reached. Like systemd-bless-boot.service, it is not part of what the checks wait for. */
const REPORT = `[Unit]
DefaultDependencies=no
Requires=boot-complete.target
After=boot-complete.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo "stand-in: boot complete"'
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
`;

const HANGS_AT_START = `[Unit]
ConditionKernelCommandLine=start.hangs
Before=multi-user.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sleep 100000
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  writeHook(folder.in("root"), "systemd", { ...SETTINGS, overdueSeconds: 150 });
  const units = "root/usr/lib/systemd/system";
  await Bun.write(folder.in("root/usr/bin/tandem"), TANDEM);
  await Bun.write(folder.in(`${units}/report.service`), REPORT);
  await Bun.write(folder.in(`${units}/stuck.service`), HANGS_AT_START);
  const wants = folder.in(`${units}/multi-user.target.wants`);
  command(["chmod", "755", folder.in("root/usr/bin/tandem")]);
  for (const unit of ["report", "stuck"]) command(["ln", "-s", `../${unit}.service`, wants]);
  makeSystemdRoot(folder.in("root"));
  const pack = `cd "$0/root"; find . | cpio --quiet -o -H newc | gzip -1 > "$0/initrd"`;
  command(["sh", "-c", pack, folder.path]);
});
afterAll(() => folder[Symbol.asyncDispose]());

const COUNTED = "tandem.slot=b tandem.gen=4 tandem.left=1";
const UNCOUNTED = "tandem.slot=a tandem.gen=4";
const CHECKS = /stand-in: tandem health --reboot/;
const OVERDUE = /stand-in: tandem health --overdue/;
const RESTARTS = /reboot: Restarting system/;

test.each<[string, string, readonly RegExp[]]>([
  ["checks that pass", COUNTED, [/tandem watchdog arm/, CHECKS, /boot complete/, OVERDUE]],
  ["checks that hang", `${COUNTED} checks.hang`, [CHECKS, CHECKS, CHECKS, OVERDUE, RESTARTS]],
  ["checks that fail", `${COUNTED} checks.fail`, [CHECKS, OVERDUE, RESTARTS]],
  ["a start that hangs", `${COUNTED} start.hangs`, [OVERDUE, RESTARTS]],
])("a counted boot with %s", async (...[, options, lines]) => {
  await using machine = boot(options);
  for (const line of lines) await machine.expectLine(line, WITHIN_SECONDS);
  expect(machine.lines.some((line) => RESTARTS.test(line))).toBe(options !== COUNTED);
});

test("a boot that is not counted stays up, even when the checks fail", async () => {
  await using machine = boot(`${UNCOUNTED} checks.hang`);
  for (const line of [CHECKS, CHECKS, CHECKS, /tandem-health.service: Start request repeated too/])
    await machine.expectLine(line, WITHIN_SECONDS);
  expect(machine.lines.filter((line) => OVERDUE.test(line) || RESTARTS.test(line))).toEqual([]);
});

function boot(options: string): ReturnType<typeof startMachine> {
  return startMachine({
    disks: [],
    memoryMib: 512,
    once: true,
    direct: {
      kernel: join(KERNEL, "boot", `vmlinuz-${VERSION}`),
      initrd: folder.in("initrd"),
      options: `console=ttyS0 rdinit=/usr/lib/systemd/systemd systemd.log_target=console systemd.show_status=1 ${options}`,
    },
  });
}
