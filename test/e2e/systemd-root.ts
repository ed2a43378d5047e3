/** The smallest system with systemd, from this machine's files. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../scripts/disk/command.ts";
import type { TarMember } from "../peers/tar.ts";

/** $0: the root folder, which already has the hooks. */
const MAKE = String.raw`set -e
cd "$0"
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
`;

export function makeSystemdRoot(root: string): void {
  command(["sh", "-c", MAKE, root]);
}

/** Returns the content of a folder as members of a layer. */
export function membersOf(root: string): TarMember[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) => {
    const place = join(root, path);
    const stat = lstatSync(place);
    if (stat.isSymbolicLink()) return { path, kind: "symlink", target: readlinkSync(place) };
    if (stat.isDirectory()) return { path, kind: "directory" };
    return { path, data: readFileSync(place), mode: stat.mode & 0o7777 };
  });
}
