/** What every story starts with: a registry full of systems, and a machine that has version 1 in slot a. */
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

/** What a system does at boot when it has nothing special to do. */
const HEALTH = "tandem health --reboot";

/** Version → what is special about it. */
const SYSTEMS = {
  "1": {},
  "2": {},
  // It would rather stand still after a panic, which must not end a trial.
  panics: {
    atBoot: "echo c > /proc/sysrq-trigger",
    files: { "etc/kernel/cmdline": `${GUEST_OPTIONS} panic=0 sysctl.kernel.panic=0\n` },
  },
  hangs: { atBoot: "sleep 100000" },
  ails: { files: { "etc/tandem/required.d/50-app": "#!/bin/sh\necho The app is down\nexit 3\n" } },
} as const satisfies Readonly<Record<string, Omit<GuestSetup, "version">>>;
export type Version = keyof typeof SYSTEMS;

export interface World extends AsyncDisposable {
  /** The disk as the installer left it: version 1 in slot a, slot b empty. */
  readonly disk: Disk;
  /** A copy of the disk, to be changed by one story. */
  readonly newDisk: () => Disk;
  /** Puts the machine with that disk under power. */
  readonly powerOn: (disk: Disk, setup?: Partial<MachineSetup>) => Guest;
  /** The arguments that make tandem in the machine upgrade to a version from the registry. */
  readonly from: (version: Version) => string;
}

export interface WorldSetup {
  /** Of the recovery slot, which is empty at first; 0: there is none. */
  readonly recoveryBytes?: number;
  readonly kernel?: KernelSetup;
  /** GRUB if nothing is said. */
  readonly loader?: LoaderName;
}

/** The second disk has tandem on it, and version 2 as an archive: the stick that somebody carried in. */
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
