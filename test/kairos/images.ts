/** Images of systems for a Kairos machine, written by `tandem write`. */
import { join } from "node:path";
import { command } from "../../scripts/disk/command.ts";
import { MiB } from "../../src/lib/units.ts";
import { guestMembers, type GuestSetup } from "../e2e/guest-image.ts";
import { probeKernel } from "../e2e/probe-kernel.ts";
import { writeImage } from "../peers/image.ts";
import { initrdOf } from "../fakes/boot-files.ts";
import type { TarMember } from "../peers/tar.ts";
import { kairosFile } from "./disk.ts";

const TANDEM = join(import.meta.dir, "../../dist/tandem");

/** The directories that Kairos makes in each image, and their modes. The initrd mounts the partitions of the machine there. */
const MOUNT_POINTS = {
  boot: 0o755,
  dev: 0o755,
  oem: 0o755,
  proc: 0o555,
  run: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  usr: 0o755,
  "usr/local": 0o755,
} as const;

export interface KairosImage {
  /** The OCI layout for the image. */
  readonly layout: string;
  /** KAIROS_VERSION without the "v", and the tag of the image: "0.2.0". */
  readonly version: string;
  readonly members: readonly TarMember[];
  readonly sizeBytes: number;
}

/** Writes the image as a file system with this label into a new file. */
export async function writeKairosImage(
  path: string,
  label: string,
  { layout, version, members, sizeBytes }: KairosImage,
): Promise<string> {
  await writeImage(layout, { layers: [{ tar: members, compression: "none" }], tag: version });
  const size = ["--size", `${sizeBytes / MiB}MiB`];
  command([TANDEM, "write", `oci-layout:${layout}:${version}`, path, ...size, "--label", label]);
  return path;
}

/** A system with the probe kernel, which writes its options to the console and resets the machine. */
export function probeSystem(version: string): TarMember[] {
  return [
    ...mountPoints(),
    { path: "boot/vmlinuz", data: probeKernel() },
    { path: "boot/initrd", data: initrdOf("an init that never runs") },
    ...releaseFiles(version),
  ];
}

interface KairosGuest extends Pick<GuestSetup, "atBoot" | "files" | "members"> {
  /** More modules of the kernel to load. */
  readonly modules?: readonly string[];
}

/**
 * A system that reports its start, runs /etc/at-boot, and runs the lines of the console. Kernel and initrd are symlinks, as in images
 * of Kairos.
 */
export function guestSystem(
  version: string,
  { atBoot, files = {}, members: more = [], modules = [] }: KairosGuest = {},
): TarMember[] {
  const init = kairosFile("immucore.sh");
  const members = guestMembers({
    version,
    isEmpty: true,
    kernel: { init, modules: ["loop", ...modules] },
    ...(atBoot === undefined ? {} : { atBoot }),
    files: { "usr/bin/clear-assessment": kairosFile("clear-assessment.sh"), ...files },
    members: more,
  }).filter(({ path }) => path !== "etc/os-release");
  const fileOf = (name: string): string =>
    members.find(({ path }) => path.startsWith(`boot/${name}-`))?.path ?? "";
  const paths = new Set(members.map(({ path }) => path));
  return [
    ...members,
    ...mountPoints().filter(({ path }) => !paths.has(path)),
    { path: "boot/vmlinuz", kind: "symlink", target: `/${fileOf("vmlinuz")}` },
    { path: "boot/initrd", kind: "symlink", target: fileOf("initrd.img").replace("boot/", "") },
    { path: "usr/sbin/init", data: kairosFile("init.sh"), mode: 0o755 },
    ...releaseFiles(version),
  ];
}

function mountPoints(): TarMember[] {
  return Object.entries(MOUNT_POINTS).map(([path, mode]) => ({ path, kind: "directory", mode }));
}

function releaseFiles(version: string): TarMember[] {
  return [
    { path: "etc/os-release", data: `ID=guest\nPRETTY_NAME="Guest ${version}"\n` },
    {
      path: "etc/kairos-release",
      data: `KAIROS_ID="kairos"\nKAIROS_MODEL="generic"\nKAIROS_VERSION="v${version}"\n`,
    },
    { path: "etc/cos/bootargs.cfg", data: kairosFile("bootargs.cfg") },
  ];
}
