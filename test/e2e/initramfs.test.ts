/** Builds initramfs images with the hooks, using Debian's tools, and boots them without a root file system. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../scripts/disk/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { writeHook } from "./hook-files.ts";
import { startMachine } from "./machine.ts";

setDefaultTimeout(1_800_000);

const KERNEL = join(import.meta.dir, "../../dist/kernel");
const VERSION = readdirSync(join(KERNEL, "lib/modules"))[0] ?? "";
const BOOT_SECONDS = 600;

/**
 * The tools look for hooks and modules at fixed paths, so mount ours over the machine's, for these two programs only.
 * $0: folder with the hooks, to work in; $1: folder of the kernel; $2: its version.
 */
const MAKE = `set -e
mount -t tmpfs tmpfs "$0/scratch"
mkdir "$0/scratch/upper" "$0/scratch/overlay" "$0/scratch/boot"
mount -t overlay overlay -o "lowerdir=$0/root/usr/lib:$1/lib:/usr/lib,upperdir=$0/scratch/upper,workdir=$0/scratch/overlay" /usr/lib
mount -t overlay overlay -o "lowerdir=$0/root/usr/share:/usr/share" /usr/share
cp "$1"/boot/* "$0/scratch/boot"
mount --bind "$0/scratch/boot" /boot
depmod "$2"
mkinitramfs -o "$0/initramfs-tools" "$2"
dracut --quiet --no-hostonly --no-hostonly-cmdline --kver "$2" "$0/dracut"
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  for (const name of ["initramfs-tools", "dracut"]) writeHook(folder.in("root"), name);
  command(["mkdir", folder.in("scratch")]);
  command(["unshare", "--mount", "sh", "-c", MAKE, folder.path, KERNEL, VERSION]);
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Case {
  readonly initramfs: "initramfs-tools" | "dracut";
  /** The boot loader's kernel options, and options that make the tools wait less. */
  readonly options: string;
  /** The expected lines on the console, in this order. */
  readonly expected: readonly RegExp[];
}

const GIVES_UP = /^tandem: slot b: the initramfs cannot go on.* rebooting in 5 s, boots left: 1$/;
const RESTARTS = /reboot: Restarting system/;
const STAYS = /tandem: slot b: the initramfs cannot go on.* this boot is not counted, so it is not/;

const CASES: readonly Case[] = [
  {
    initramfs: "initramfs-tools",
    options: "tandem.left=1 rootdelay=1",
    expected: [
      /tandem: no watchdog: there is no \/dev\/watchdog0, continuing/,
      /does not exist/,
      GIVES_UP,
      RESTARTS,
    ],
  },
  {
    initramfs: "initramfs-tools",
    options: "rootdelay=1",
    expected: [/does not exist/, STAYS, /^BusyBox|\(initramfs\)/],
  },
  {
    initramfs: "dracut",
    options: "tandem.left=1 rd.retry=6 rd.driver.pre=softdog",
    expected: [
      /^tandem: watchdog \/dev\/watchdog0 resets this machine in 600 s/,
      GIVES_UP,
      RESTARTS,
    ],
  },
  {
    initramfs: "dracut",
    options: "tandem.left=1 rd.retry=6 rd.shell=0",
    expected: [GIVES_UP, RESTARTS],
  },
  { initramfs: "dracut", options: "rd.retry=6", expected: [STAYS, /emergency mode/] },
];

const ROOT = "root=PARTUUID=11111111-1111-4111-8111-111111111111 ro tandem.slot=b tandem.gen=4";

test.each(CASES.map((one) => [one.initramfs, one.options, one] as const))(
  "%s with %s and without a root",
  async (initramfs, options, { expected }) => {
    await using machine = startMachine({
      disks: [],
      memoryMib: 768,
      once: true,
      direct: {
        kernel: join(KERNEL, "boot", `vmlinuz-${VERSION}`),
        initrd: folder.in(initramfs),
        options: `console=ttyS0 ${ROOT} ${options}`,
      },
    });
    for (const line of expected) expect(await machine.expectLine(line, BOOT_SECONDS)).toMatch(line);
  },
);
