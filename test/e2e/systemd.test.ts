/** The units of `tandem hooks` under a real systemd, with a stand-in for tandem whose checks pass, fail or hang as the command line says. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../scripts/disk/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { SETTINGS, writeHook } from "./hook-files.ts";
import { startMachine } from "./machine.ts";

setDefaultTimeout(1_800_000);

const KERNEL = join(import.meta.dir, "../../dist/kernel");
const VERSION = readdirSync(join(KERNEL, "lib/modules"))[0] ?? "";
const WITHIN_SECONDS = 600;

/** A system as small as systemd allows, from this machine's files. $0: folder to work in, where the hooks lie in root. */
const MAKE = String.raw`set -e
cd "$0/root"
mkdir -p usr/bin usr/sbin usr/lib usr/lib64 etc proc sys dev run tmp var/log
for name in bin sbin lib lib64; do ln -s usr/$name $name; done
for program in /usr/lib/systemd/systemd /usr/lib/systemd/systemd-journald /usr/lib/systemd/systemd-shutdown /usr/bin/systemctl; do
  for file in $program $(ldd $program | grep -o '/[^ ]*'); do
    mkdir -p ".$(dirname $file)"
    cp -L $file ".$file"
  done
done
cp /bin/busybox usr/bin/busybox
for name in sh cat sleep touch; do ln -s busybox usr/bin/$name; done
for unit in sysinit basic multi-user boot-complete shutdown reboot final umount local-fs local-fs-pre sockets timers paths slices swap \
  time-set time-sync; do
  cp /usr/lib/systemd/system/$unit.target usr/lib/systemd/system
done
cp /usr/lib/systemd/system/systemd-journald*.s* /usr/lib/systemd/system/systemd-reboot.service usr/lib/systemd/system
ln -s multi-user.target usr/lib/systemd/system/default.target
for name in .socket -dev-log.socket; do ln -s ../systemd-journald$name usr/lib/systemd/system/sysinit.target.wants; done
touch etc/machine-id etc/os-release
find . | cpio --quiet -o -H newc | gzip -1 > "$0/initrd"
`;

const TANDEM = `#!/bin/sh
echo "stand-in: tandem $*"
cmdline=$(cat /proc/cmdline)
case "$*" in
"health --reboot")
  case $cmdline in
  *checks.hang*) sleep 100000 ;;
  *checks.fail*) exit 11 ;;
  esac
  touch /run/good
  ;;
"health --overdue") if [ ! -e /run/good ]; then exit 11; fi ;;
esac
`;

/** Says when the goal is reached. As systemd-bless-boot.service, it is no part of what the checks wait for. */
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
  // systemd ends the checks five seconds after it has started them.
  writeHook(folder.in("root"), "systemd", {
    ...SETTINGS,
    deadlineSeconds: -55,
    overdueSeconds: 150,
  });
  const units = "root/usr/lib/systemd/system";
  await Bun.write(folder.in("root/usr/bin/tandem"), TANDEM);
  await Bun.write(folder.in(`${units}/report.service`), REPORT);
  await Bun.write(folder.in(`${units}/stuck.service`), HANGS_AT_START);
  const wants = folder.in(`${units}/multi-user.target.wants`);
  command(["chmod", "755", folder.in("root/usr/bin/tandem")]);
  for (const unit of ["report", "stuck"]) command(["ln", "-s", `../${unit}.service`, wants]);
  command(["sh", "-c", MAKE, folder.path]);
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
])("a counted boot with %s", async (...[, options, says]) => {
  await using machine = boot(options);
  for (const line of says) await machine.expectLine(line, WITHIN_SECONDS);
  expect(machine.lines.some((line) => RESTARTS.test(line))).toBe(options !== COUNTED);
});

test("a boot that is not counted stays up, whatever the checks say", async () => {
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
