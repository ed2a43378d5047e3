/**
 * Machines with a system on trial. It is written into slot b on the host, which is faster than an upgrade under
 * emulation.
 */
import { copyFileSync, cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeDisk, type Disk } from "../../scripts/disk.ts";
import { command } from "../../scripts/disk/command.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { MiB } from "../../src/lib/units.ts";
import { writeImage } from "../peers/image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { guestMembers, type GuestSetup } from "./guest-image.ts";
import { startGuest, type Guest } from "./guest.ts";

const TANDEM = join(import.meta.dir, "../../dist/tandem");

export interface Trials extends AsyncDisposable {
  /** Makes a disk with version 1 in slot a, and the given version on trial in slot b. */
  readonly newDisk: (version: string, tries?: number) => Disk;
  /** Starts a machine with this disk. */
  readonly powerOn: (disk: Disk) => Guest;
}

export interface TrialsSetup {
  /** Maps a version to its special features. "1" is required. */
  readonly systems: Readonly<Record<string, Omit<GuestSetup, "version">>>;
  /** Default: GRUB, started by a BIOS. */
  readonly loader?: LoaderName;
}

export async function makeTrials({ systems, loader = "grub" }: TrialsSetup): Promise<Trials> {
  const folder = await temporaryFolder();
  const layout = folder.in("layout");
  for (const [version, special] of Object.entries(systems))
    await writeImage(layout, {
      layers: [{ tar: guestMembers({ version, ...special }) }],
      tag: version,
    });
  const first = makeDisk({ path: folder.in("disk"), loader, slotBytes: 64 * MiB, serial: 0 });
  await installFirst(first, { source: `oci-layout:${layout}:1` });
  mkdirSync(folder.in("stick"));
  cpSync(TANDEM, folder.in("stick/tandem"));
  const stick = folder.in("stick.img");
  command(["mke2fs", "-q", "-t", "ext4", "-d", folder.in("stick"), stick, "192M"]);
  return {
    newDisk: (version, tries = 1) => {
      const path = folder.in(`${version}.img`);
      copyFileSync(first.path, path);
      const source = ["--source", `oci-layout:${layout}:${version}`];
      command([TANDEM, "upgrade", "--disk", path, ...source, "--tries", `${tries}`]);
      return { ...first, path };
    },
    powerOn: ({ path }) =>
      startGuest({ disks: [path, stick], firmware: loader === "grub" ? "bios" : "efi" }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
