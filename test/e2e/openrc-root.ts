/**
 * Debian's OpenRC with its libraries, which scripts/packages.sh puts into dist/openrc, and busybox's init to start it.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { findHook, hookFiles } from "../../src/hooks/install.ts";
import type { TarMember } from "../peers/tar.ts";
import { SETTINGS } from "./hook-files.ts";

const FOLDER = join(import.meta.dir, "../../dist/openrc");
const PROGRAMS = ["sbin/openrc", "sbin/openrc-run"];

/** The kernel's file systems are mounted before OpenRC starts, as by Debian's scripts, so there is no service sysfs. */
const INITTAB = `::sysinit:/etc/mount-all
::sysinit:/sbin/openrc sysinit
::sysinit:/sbin/openrc boot
::wait:/sbin/openrc default
::wait:/bin/rc-status --nocolor default
`;
const MOUNT_ALL = `#!/bin/sh
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /tmp
mount -t ext4 -o ro /dev/vdb /data
`;
const SERVICE = `#!/sbin/openrc-run
start() {
  ebegin "Starting $RC_SVCNAME"
  eend 0
}
`;
/** Two services that every system has in its runlevel boot. */
const SERVICES = ["modules", "localmount"];

/** The files of a guest that starts with OpenRC and has the hooks for it. */
export function openrcMembers(): TarMember[] {
  const hook = findHook("openrc");
  return [
    ...packaged(),
    ...PROGRAMS.flatMap((program) => librariesOf(program)),
    ...["lib", "lib64"].map((path): TarMember => ({
      path,
      kind: "symlink",
      target: `usr/${path}`,
    })),
    ...["runlevels/shutdown", "insserv.conf.d"].map((name): TarMember => ({
      path: `etc/${name}`,
      kind: "directory",
    })),
    { path: "usr/sbin/init", kind: "symlink", target: "../bin/busybox" },
    { path: "usr/bin/tandem", kind: "symlink", target: "/data/tandem" },
    { path: "etc/inittab", data: INITTAB },
    ...["fstab", "insserv.conf"].map((name): TarMember => ({ path: `etc/${name}`, data: "" })),
    { path: "etc/mount-all", data: MOUNT_ALL, mode: 0o755 },
    ...SERVICES.flatMap((name): TarMember[] => [
      { path: `etc/init.d/${name}`, data: SERVICE, mode: 0o755 },
      { path: `etc/runlevels/boot/${name}`, kind: "symlink", target: `/etc/init.d/${name}` },
    ]),
    ...hookFiles(hook, SETTINGS).map(({ path, text, mode }): TarMember => ({
      path: path.slice(1),
      data: text,
      mode,
    })),
    ...hook.links.map(({ path, target }): TarMember => ({
      path: path.slice(1),
      kind: "symlink",
      target,
    })),
  ];
}

function packaged(): TarMember[] {
  return readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
    .filter((path) => !path.startsWith("usr/share") && !lstatSync(join(FOLDER, path)).isDirectory())
    .map((path) => {
      const place = join(FOLDER, path);
      const { mode } = lstatSync(place);
      return lstatSync(place).isSymbolicLink()
        ? { path: inUsr(path), kind: "symlink", target: readlinkSync(place) }
        : { path: inUsr(path), data: readFileSync(place), mode: mode & 0o7777 };
    });
}

/** The guest has /bin, /sbin and /lib in /usr. */
function inUsr(path: string): string {
  return path.replace(/^(s?bin|lib\w*)\//, "usr/$1/");
}

/** The libraries of this machine, as the dynamic loader finds them. */
function librariesOf(program: string): TarMember[] {
  const { stdout } = Bun.spawnSync(["ldd", join(FOLDER, program)], {
    env: { ...process.env, LD_LIBRARY_PATH: join(FOLDER, "lib/x86_64-linux-gnu") },
  });
  return [...stdout.toString().matchAll(/\s(\/\S+) \(0x/g)]
    .map(([, path = ""]) => path)
    .filter((path) => !path.startsWith(FOLDER) && statSync(path).isFile())
    .map((path) => ({
      path: inUsr(path.replace(/^\/(usr\/)?/, "")),
      data: readFileSync(path),
      mode: 0o755,
    }));
}
