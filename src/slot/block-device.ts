/** Disks and their partitions, as the kernel shows them in sysfs and procfs. */
import { posix } from "node:path";
import { SYMLINKS_MAX } from "../lib/resolve-path.ts";
import { TandemError } from "../lib/error.ts";
import type { Access, BlockFile } from "../system/block-file.ts";
import type { DurableFiles } from "../system/durable-files.ts";
import type { MountedFiles } from "../system/mounted-files.ts";
import type { Mounts } from "../system/mounts.ts";

/** The part of the machine that this room uses. A System has it. */
export interface Devices {
  readonly files: {
    readText(path: string): string | undefined;
    list(path: string): readonly string[];
    exists(path: string): boolean;
  };
  readonly durable: Pick<DurableFiles, "makeFolder">;
  readonly mounted: MountedFiles;
  readonly mounts: Mounts;
  readLink(path: string): string | undefined;
  absolute(path: string): string;
  openBlock(path: string, options: Access): BlockFile;
}

/** A partition as the kernel knows it. */
export interface KernelPartition {
  /** Its device node: "/dev/sda2". */
  readonly path: string;
  /** Its number in mountinfo: "8:2". */
  readonly device: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

const CLASS = "/sys/class/block";
/** sysfs counts in sectors of this size, also where the sectors of the disk are larger. */
const SYSFS_SECTOR_BYTES = 512;
/** No machine boots from these devices, and some are slow to open. */
const NO_DISK = /^(?:loop|ram|zram|fd|sr|dm-|nbd)/;

/** The kernel's name of the disk behind a path: "sda". Undefined when the path leads to no block device. */
export function kernelNameOf(devices: Devices, path: string): string | undefined {
  let target = devices.absolute(path);
  for (let links = 0; links < SYMLINKS_MAX; links += 1) {
    const link = devices.readLink(target);
    if (link === undefined) break;
    target = posix.resolve(posix.dirname(target), link);
  }
  if (!target.startsWith("/dev/")) return undefined;
  const name = target.slice("/dev/".length).replaceAll("/", "!");
  return devices.files.readText(`${CLASS}/${name}/uevent`) === undefined ? undefined : name;
}

/** The device node of the device that the kernel calls `name`. */
export function nodeOf(name: string): string {
  return `/dev/${name.replaceAll("!", "/")}`;
}

/** The kernel's names of the disks that a machine may boot from. */
export function diskNames({ files }: Devices): string[] {
  return files
    .list(CLASS)
    .filter(
      (name) => !NO_DISK.test(name) && numberAt({ files }, `${name}/partition`) === undefined,
    );
}

/** Partition `number` of a disk, as the kernel knows it. Undefined when the kernel does not know the partition. */
export function kernelPartition(
  devices: Devices,
  disk: string,
  number: number,
): KernelPartition | undefined {
  const name = devices.files
    .list(`${CLASS}/${disk}`)
    .find((child) => numberAt(devices, `${disk}/${child}/partition`) === number);
  if (name === undefined) return undefined;
  const place = `${disk}/${name}`;
  const device = devices.files.readText(`${CLASS}/${place}/dev`)?.trim();
  const start = numberAt(devices, `${place}/start`);
  const size = numberAt(devices, `${place}/size`);
  if (device === undefined || start === undefined || size === undefined)
    throw new TandemError(
      "disk",
      `Cannot use ${nodeOf(name)}: the kernel does not say where the partition lies`,
    );
  return {
    path: nodeOf(name),
    device,
    offsetBytes: start * SYSFS_SECTOR_BYTES,
    sizeBytes: size * SYSFS_SECTOR_BYTES,
  };
}

/**
 * The disk and the number of the partition with this device number, "8:2". Undefined when the device is no partition.
 */
export function partitionOfDevice(
  { files }: Pick<Devices, "files">,
  device: string,
): { readonly disk: string; readonly number: number } | undefined {
  const number = parseNumber(files.readText(`/sys/dev/block/${device}/partition`));
  // The kernel resolves the symbolic link first, so ".." is the folder of the disk.
  const uevent = files.readText(`/sys/dev/block/${device}/../uevent`) ?? "";
  const disk = /^DEVNAME=(.+)$/m.exec(uevent)?.[1]?.replaceAll("/", "!");
  return number === undefined || disk === undefined ? undefined : { disk, number };
}

function numberAt({ files }: Pick<Devices, "files">, place: string): number | undefined {
  return parseNumber(files.readText(`${CLASS}/${place}`));
}

function parseNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}\n?$/.test(text) ? Number(text) : undefined;
}
