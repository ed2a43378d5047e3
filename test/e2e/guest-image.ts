/** Small systems for virtual machines: a kernel, an initrd, busybox, and an init that uses the serial console. */
import type { TarMember } from "../peers/tar.ts";
import { busybox, guestKernel, type KernelSetup } from "./guest-kernel.ts";
import { UNDER_LOAD } from "./machine.ts";

export interface GuestSetup {
  /** The name of the system, which it prints: "1". */
  readonly version: string;
  /** A shell script that runs at each boot before commands are read from the console. tandem is in its PATH. */
  readonly atBoot?: string;
  /** More files: path → text. Files in a folder with the suffix ".d" are executable. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whether the image has no init of ours: none at all, as after a failed build, or another one in `members`. */
  readonly isEmpty?: boolean;
  /** Members that are no text files. */
  readonly members?: readonly TarMember[];
  readonly kernel?: KernelSetup;
}

/**
 * The init. It prints the booted slot and version, runs /etc/at-boot, and then runs the lines that are typed on the
 * console; after each line it prints "E2E: status N". The second disk is mounted at /data and contains the program
 * `tandem`.
 */
const INIT = String.raw`#!/bin/sh
export PATH=/data:/usr/bin:/usr/sbin HOME=/run
stty -echo < /dev/console
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t pstore pstore /sys/fs/pstore
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t ext4 -o ro /dev/vdb /data
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up && ip route add default via 10.0.2.2
for option in $(cat /proc/cmdline); do
  case $option in tandem.slot=*) slot=\${option#tandem.slot=} ;; esac
done
echo "E2E: slot=$slot version=$(cat /etc/version) root=$(grep ' / ext4 ' /proc/mounts | cut -d ' ' -f 1,4 | cut -d , -f 1)"
if [ -e /etc/at-boot ]; then sh /etc/at-boot; echo "E2E: at-boot status $?"; fi
echo "E2E: ready"
while read -r line; do
  eval "$line"
  printf '\nE2E: status %s\n' $?
done
`.replaceAll("\\$", "$");

/** The kernel options of each system. */
export const GUEST_OPTIONS: string = `console=ttyS0 quiet net.ifnames=0 ${UNDER_LOAD}`;

/** The members of the image's layer. */
export function guestMembers({
  version,
  atBoot,
  files = {},
  isEmpty = false,
  members = [],
  kernel: setup,
}: GuestSetup): TarMember[] {
  const { version: release, kernel, initrd } = guestKernel(setup);
  const texts = {
    "etc/version": version,
    "etc/os-release": `ID=guest\nVERSION=${version}\nPRETTY_NAME="Guest ${version}"\n`,
    "etc/kernel/cmdline": `${GUEST_OPTIONS}\n`,
    ...(atBoot === undefined ? {} : { "etc/at-boot": atBoot }),
    ...files,
  };
  return [
    ...FOLDERS.map((path): TarMember => ({ path, kind: "directory" })),
    ...["bin", "sbin"].map((path): TarMember => ({ path, kind: "symlink", target: `usr/${path}` })),
    { path: `boot/vmlinuz-${release}`, data: kernel },
    { path: `boot/initrd.img-${release}`, data: initrd },
    { path: "usr/bin/busybox", data: busybox(), mode: 0o755 },
    ...applets().map((name): TarMember => ({
      path: `usr/bin/${name}`,
      kind: "symlink",
      target: "busybox",
    })),
    ...(isEmpty ? [] : [{ path: "usr/sbin/init", data: INIT, mode: 0o755 }]),
    ...Object.entries(texts).map(([path, data]): TarMember => ({ path, data, mode: modeOf(path) })),
    ...members,
  ];
}

const FOLDERS = ["boot", "data", "dev", "etc", "proc", "run", "sys", "tmp", "usr/bin", "usr/sbin"];

function applets(): string[] {
  const { stdout } = Bun.spawnSync(["/bin/busybox", "--list"]);
  return stdout
    .toString()
    .split("\n")
    .filter((name) => name !== "" && name !== "busybox");
}

function modeOf(path: string): number {
  return /\.d\/[^/]+$/.test(path) ? 0o755 : 0o644;
}
