/** The start of every story: a registry with systems, and a machine with version 1 in slot a. */
import { copyFileSync, cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeDisk, type Disk } from "../../scripts/disk.ts";
import { command } from "../../scripts/disk/command.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { MiB } from "../../src/lib/units.ts";
import { pushImage, writeImage } from "../peers/image.ts";
import { startRegistry } from "../peers/registry.ts";
import { skopeoCopy } from "../peers/skopeo.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { GUEST_OPTIONS, guestMembers, type GuestSetup } from "./guest-image.ts";
import type { KernelSetup } from "./guest-kernel.ts";
import { startGuest, type Guest } from "./guest.ts";
import type { MachineSetup } from "./machine.ts";

const TANDEM = join(import.meta.dir, "../../dist/tandem");

/** The boot script of a system without special features. */
const HEALTH = "tandem health --reboot";

/** Maps a version to its special features. */
const SYSTEMS = {
  "1": {},
  "2": {},
  // The image asks to halt after a panic, which must not stop a trial.
  panics: {
    atBoot: "echo c > /proc/sysrq-trigger",
    files: { "etc/kernel/cmdline": `${GUEST_OPTIONS} panic=0 sysctl.kernel.panic=0\n` },
  },
  hangs: { atBoot: "sleep 100000" },
  unhealthy: {
    files: { "etc/tandem/required.d/50-app": "#!/bin/sh\necho The app is down\nexit 3\n" },
  },
} as const satisfies Readonly<Record<string, Omit<GuestSetup, "version">>>;
export type Version = keyof typeof SYSTEMS;

export interface World extends AsyncDisposable {
  /** The disk after installation: version 1 in slot a, slot b empty. */
  readonly disk: Disk;
  /** Copies the disk for one story. */
  readonly newDisk: () => Disk;
  /** Starts a machine with this disk. */
  readonly powerOn: (disk: Disk, setup?: Partial<MachineSetup>) => Guest;
  /** Returns the arguments for tandem in the machine to upgrade to a version from the registry. */
  readonly from: (version: Version) => string;
}

export interface WorldSetup {
  /** The size of the recovery slot, which is empty at first. 0: there is none. */
  readonly recoveryBytes?: number;
  readonly kernel?: KernelSetup;
  /** Default: GRUB. */
  readonly loader?: LoaderName;
}

/** Makes the second disk, with tandem and with version 2 as an archive, like a USB stick. */
export async function makeWorld({
  recoveryBytes = 0,
  kernel = {},
  loader = "grub",
}: WorldSetup = {}): Promise<World> {
  const folder = await temporaryFolder();
  const registry = await startRegistry();
  const layout = folder.in("layout");
  for (const [version, special] of Object.entries(SYSTEMS)) {
    const tar = guestMembers({ version, atBoot: HEALTH, kernel, ...special });
    const image = await writeImage(layout, { layers: [{ tar }], tag: version });
    await pushImage(image, { host: registry.host, name: `os/guest:${version}` });
  }
  const disk = makeDisk({
    path: folder.in("disk"),
    loader,
    slotBytes: 64 * MiB,
    recoveryBytes,
    serial: 0,
  });
  await installFirst(disk, {
    source: `oci:${registry.host}/os/guest:1`,
    insecureRegistries: [registry.host],
  });
  const stick = folder.in("stick");
  mkdirSync(stick);
  cpSync(TANDEM, join(stick, "tandem"));
  await skopeoCopy(`oci:${layout}:2`, `oci-archive:${join(stick, "guest.tar")}:2`);
  command(["mke2fs", "-q", "-t", "ext4", "-d", stick, folder.in("stick.img"), "256M"]);
  // The guest sees the host's loopback under another address.
  const host = registry.host.replace("127.0.0.1", "10.0.2.2");
  return {
    disk,
    newDisk: () => {
      const path = folder.in(`${crypto.randomUUID()}.img`);
      copyFileSync(disk.path, path);
      return { ...disk, path };
    },
    powerOn: ({ path }, setup = {}) =>
      startGuest({ disks: [path, folder.in("stick.img")], ...setup }),
    from: (version) => `--source oci:${host}/os/guest:${version} --insecure-registry ${host}`,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
