/**
 * Debian's own tools for an initramfs, run in a copy of this machine's root that has a kernel: nothing of the machine
 * itself changes.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { TANDEM } from "../binary/appliance.ts";
import { command } from "../peers/command.ts";
import type { TemporaryFolder } from "../peers/temporary-folder.ts";

const KERNEL = join(import.meta.dir, "../../dist/kernel");
export const VERSION: string = readdirSync(join(KERNEL, "lib/modules"))[0] ?? "";
export const KERNEL_FILE: string = join(KERNEL, "boot", `vmlinuz-${VERSION}`);

/**
 * $1: an empty folder, $2: the folder of the kernel, $3: its version, $4: tandem, $5: a folder that both sides see as
 * /shared, $6: the script. Small initramfs images are fast to boot under emulation, so no modules but those that the
 * tools insist on.
 */
const RUN = `
root=$1/root
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/upper-modules" "$1/work-modules" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mkdir -p "$root/usr/lib/modules" "$root/shared"
mount -t overlay overlay -o "lowerdir=$2/lib/modules,upperdir=$1/upper-modules,workdir=$1/work-modules" "$root/usr/lib/modules"
for name in proc sys dev; do mount --rbind "/$name" "$root/$name"; done
for name in tmp var/tmp; do mount -t tmpfs tmpfs "$root/$name"; done
mount --bind "$5" "$root/shared"
cp "$2"/boot/* "$root/boot"
install -m 755 "$4" "$root/usr/bin/tandem"
depmod -b "$root" "$3"
# Some tools make an initramfs for the kernel that runs.
printf '#!/bin/sh\\n[ "$1" = -r ] && echo %s || exec /usr/bin/uname "$@"\\n' "$3" > "$root/usr/local/bin/uname"
chmod 755 "$root/usr/local/bin/uname"
printf 'MODULES=list\\nCOMPRESS=zstd\\nCOMPRESSLEVEL=1\\n' > "$root/etc/initramfs-tools/conf.d/test"
printf 'hostonly=no\\ncompress="zstd -1"\\ndrivers=" ext4 "\\n' > "$root/etc/dracut.conf.d/test.conf"
exec chroot "$root" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -exc "$6"
`;

/**
 * Runs a shell script there, with /usr/bin/tandem, the kernel in /boot, and `folder` as /shared. Throws when it fails.
 */
export async function inDebianRoot(folder: TemporaryFolder, script: string): Promise<void> {
  await command("mkdir", "-p", folder.in("debian"), folder.in("shared"));
  const places = [folder.in("debian"), KERNEL, VERSION, TANDEM, folder.in("shared")];
  await command("unshare", "--mount", "sh", "-ec", RUN, "sh", ...places, script);
}
