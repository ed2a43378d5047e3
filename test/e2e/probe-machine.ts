/**
 * A disk in memory with the real GRUB and the probe kernel in its slots, so that power cuts can be simulated anywhere.
 */
import { readFileSync } from "node:fs";
import { makeDisk, type Disk } from "../../scripts/disk.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import { MiB } from "../../src/lib/units.ts";
import type { LayeredSource } from "../../src/source/source.ts";
import { memorySource } from "../fakes/machine.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { writeImage } from "../peers/image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import type { TarMember } from "../peers/tar.ts";
import { startMachine } from "./machine.ts";
import { probeKernel } from "./probe-kernel.ts";
import { initrdOf } from "../fakes/boot-files.ts";

/** GRUB decides half a second after the start. The limit allows for a busy machine. */
const BOOT_SECONDS = 300;

/** The members of a system whose kernel prints "image=VERSION" on the console and resets the machine. */
function probeMembers(version: string): TarMember[] {
  return [
    { path: "boot/vmlinuz", data: probeKernel() },
    { path: "boot/initrd", data: initrdOf(`an initrd of ${version} of which nothing is read`) },
    { path: "etc/kernel/cmdline", data: `image=${version}\n` },
  ];
}

export function probeSource(version: string): LayeredSource & { readonly digest: string } {
  return memorySource(version, probeMembers(version));
}

/** Makes a disk like an installer: with the probe as version 1 in slot a. */
export async function makeProbeMachine(path: string): Promise<Disk> {
  await using folder = await temporaryFolder();
  const tar = probeMembers("v1");
  await writeImage(folder.in("layout"), { layers: [{ tar }], tag: "1" });
  const disk = makeDisk({ path, slotBytes: 8 * MiB, espBytes: 34 * MiB, serial: 0 });
  await installFirst(disk, { source: `oci-layout:${folder.in("layout")}:1` });
  return disk;
}

/** Reads that disk into memory. */
export async function probeDiskImage(): Promise<PagedImage> {
  await using folder = await temporaryFolder();
  const { path } = await makeProbeMachine(folder.in("disk.img"));
  return PagedImage.of(readFileSync(path));
}

/** Boots a disk several times in a row. Returns the options of each kernel: "slot=a gen=1 image=v1". */
export async function probeBoots(path: string, count: number): Promise<string[]> {
  await using machine = startMachine({ disks: [path] });
  const boots: string[] = [];
  while (boots.length < count)
    boots.push(optionsOf(await machine.expectLine(/^BOOT_IMAGE=|^tandem: menu/, BOOT_SECONDS)));
  return boots;
}

/** Returns tandem's options without their prefix, and the image. */
function optionsOf(line: string): string {
  const words = [
    ...line.matchAll(/ (?:tandem\.)?((?:slot|gen|left|fell|why|image|gave_up)=\S+|uncounted)/g),
  ];
  return words.length === 0 ? line : words.map(([, word]) => word).join(" ");
}
