/**
 * Shows one upgrade: it makes a disk image with two slots and GRUB, and a registry with an image of a small bootable system,
 * then runs `tandem upgrade` and `tandem status`. All files are in dist/demo. As root it gives the disk image to a user
 * without rights and runs tandem as that user.
 */
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createTar } from "nanotar";
import { guestMembers } from "../test/e2e/guest-image.ts";
import { ALONE, forgetHost } from "../test/peers/alone.ts";
import { writeImage } from "../test/peers/image.ts";
import { startRegistry } from "../test/peers/registry.ts";
import { skopeoCopy } from "../test/peers/skopeo.ts";
import { makeDisk } from "./disk.ts";
import { installFirst } from "./disk/first-system.ts";

const ROOT = join(import.meta.dir, "..");
const FOLDER = join(ROOT, "dist/demo");
const DISK = join(FOLDER, "disk.img");
const LAYOUT = join(FOLDER, "images");
const TANDEM = join(ROOT, "dist/tandem");
/** The user and group without rights on Debian. */
const NOBODY = 65534;
const MIB = 1024 * 1024;

forgetHost();
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });

say("An image of a small system, versions 1 and 2, in an OCI layout and in a registry on loopback");
await using registry = await startRegistry();
for (const version of ["1", "2"]) {
  const notes = createTar([{ name: "usr/share/doc/demo", data: `This is version ${version}.\n` }]);
  const layers = [{ tar: guestMembers({ version }) }, { tar: notes }];
  await writeImage(LAYOUT, { tag: version, layers });
  await skopeoCopy(`oci:${LAYOUT}:${version}`, `docker://${registry.host}/demo/os:${version}`);
}

say("A disk image with GRUB, slots a and b and a control partition; version 1 in slot a");
const disk = makeDisk({ path: DISK, slotBytes: 128 * MIB, wait: 2, serial: 0 });
await installFirst(disk, { source: `oci-layout:${LAYOUT}:1` });
const user = ordinaryUser();

say(`tandem as user ${user}: no root, no mount, no loop device`);
tandem("status", "--disk", DISK);
tandem("upgrade", "--disk", DISK, "--source", `oci:${registry.host}/demo/os:2`);
tandem("status", "--disk", DISK);

say(
  "The disk boots. To see it try version 2, and come back to version 1, because version 2 gets no good verdict:",
);
console.log(
  `  qemu-system-x86_64 -m 512 -nographic -no-reboot -drive file=${DISK},format=raw,if=virtio\n`,
);

function say(text: string): void {
  console.log(`\n# ${text}`);
}

/** The user that runs tandem. Root gives the disk image to a user without rights. */
function ordinaryUser(): number {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) return uid;
  chownSync(DISK, NOBODY, NOBODY);
  chmodSync(TANDEM, 0o755);
  return NOBODY;
}

function tandem(...args: readonly string[]): void {
  console.log(`\n$ tandem ${args.join(" ")}`);
  const drop =
    process.getuid?.() === 0
      ? ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"]
      : [];
  const { exitCode } = Bun.spawnSync([...drop, TANDEM, ...args], {
    stdout: "inherit",
    stderr: "inherit",
    env: ALONE,
  });
  if (exitCode !== 0) throw new Error(`tandem ended with status ${exitCode}`);
}
