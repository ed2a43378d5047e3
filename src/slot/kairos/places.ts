/**
 * The partitions that Kairos uses, on one disk. They are found by the labels of their file systems, as GRUB and Kairos
 * find them. Which disk is meant comes from the image file that this machine runs from: another disk may have the same
 * labels.
 */
import type { Partition } from "../../disk/gpt.ts";
import { readLabel, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET_BYTES } from "../../ext4/superblock.ts";
import { TandemError } from "../../lib/error.ts";
import { readBlock } from "../../system/block-file.ts";
import { diskNames, nodeOf, type Devices } from "../block-device.ts";
import type { Mount } from "../mounts.ts";
import { PartitionedDisk } from "../partitioned-disk.ts";
import { isKairosBoot, runningImage, type RunningImage } from "./running-image.ts";

/** The labels of the file systems. */
export const KAIROS_LABELS = {
  state: "COS_STATE",
  recovery: "COS_RECOVERY",
  oem: "COS_OEM",
  persistent: "COS_PERSISTENT",
} as const;
export type KairosPart = keyof typeof KAIROS_LABELS;
const PARTS: readonly KairosPart[] = ["state", "recovery", "oem", "persistent"];

/** A partition of Kairos. */
export interface PartPlace {
  /** "COS_STATE on /dev/sda". */
  readonly name: string;
  /** "COS_STATE" */
  readonly label: string;
  /** Its device node. Undefined on a disk in a plain file, which the kernel does not know. */
  readonly device: string | undefined;
  readonly number: number;
  /** Where the kernel has all of its file system mounted now. */
  mounts(): readonly Mount[];
}

export interface KairosDisk {
  readonly path: string;
  readonly disk: PartitionedDisk;
  /** A part whose label cannot be read, such as an encrypted one, is missing. */
  readonly parts: Readonly<Partial<Record<KairosPart, PartPlace>>>;
  /** The image file on this disk that this machine runs from. */
  readonly running: RunningImage | undefined;
}

/** Whether there is a partition COS_STATE on the disk, or on the one that this machine runs from. Never throws. */
export function hasKairos(devices: Devices, path: string | undefined): boolean {
  if (path !== undefined) return hasState(devices, path);
  try {
    const running = runningImage(devices);
    if (running !== undefined) return hasState(devices, diskOf(running));
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    // Opening the layout throws it again: a user who is not root learns why.
    return isKairosBoot(devices);
  }
  return isKairosBoot(devices) && disksWithState(devices).length > 0;
}

/** Throws "disk" when the disk is not known, cannot be read, or has no partition COS_STATE. */
export function findKairosDisk(devices: Devices, path: string | undefined): KairosDisk {
  const running = runningImage(devices);
  const found = path ?? (running === undefined ? onlyDisk(devices) : diskOf(running));
  const disk = new PartitionedDisk(devices, found);
  const parts = partsOn(devices, disk);
  if (parts.state === undefined)
    throw new TandemError(
      "disk",
      `Cannot find partition ${KAIROS_LABELS.state} on ${found}: no file system there has this label`,
      { hint: "Name another disk with --disk." },
    );
  const isRunning = running !== undefined && running.partition.disk === disk.kernelName;
  return { path: found, disk, parts, running: isRunning ? running : undefined };
}

function diskOf({ partition }: RunningImage): string {
  return nodeOf(partition.disk);
}

/** The machine runs from memory, so only labels can tell. */
function onlyDisk(devices: Devices): string {
  const found = disksWithState(devices);
  const [path] = found;
  if (path !== undefined && found.length === 1) return path;
  const why =
    path === undefined
      ? `no disk has a partition ${KAIROS_LABELS.state}`
      : `${found.join(" and ")} have a partition ${KAIROS_LABELS.state}`;
  throw new TandemError(
    "disk",
    `Cannot find the disk that this machine runs from: the root is no image file on a disk, and ${why}`,
    { hint: "Name the disk with --disk." },
  );
}

/** The disks that the machine may boot from and that have a partition COS_STATE. */
export function disksWithState(devices: Devices): string[] {
  return diskNames(devices)
    .map(nodeOf)
    .filter((path) => hasState(devices, path));
}

/** A disk that cannot be read has none. */
function hasState(devices: Devices, path: string): boolean {
  try {
    const disk = new PartitionedDisk(devices, path);
    return labelled(devices, disk).some(({ label }) => label === KAIROS_LABELS.state);
  } catch (error) {
    if (error instanceof TandemError) return false;
    throw error;
  }
}

interface Labelled {
  readonly partition: Partition;
  readonly label: string | undefined;
}

function labelled(devices: Devices, disk: PartitionedDisk): Labelled[] {
  return disk.gpt.partitions.map((partition) => ({
    partition,
    label: labelOf(devices, disk, partition),
  }));
}

function partsOn(devices: Devices, disk: PartitionedDisk): KairosDisk["parts"] {
  const all = labelled(devices, disk);
  const entries = PARTS.map((name) => {
    const label = KAIROS_LABELS[name];
    const found = all.filter((one) => one.label === label).map(({ partition }) => partition);
    return [name, onlyOne(disk, label, found)] as const;
  });
  return Object.fromEntries(entries.filter(([, place]) => place !== undefined));
}

function onlyOne(
  disk: PartitionedDisk,
  label: string,
  found: readonly Partition[],
): PartPlace | undefined {
  const [partition, second] = found;
  if (partition === undefined) return undefined;
  if (second !== undefined)
    throw new TandemError(
      "disk",
      `Cannot use partition ${label} on ${disk.path}: partitions ${partition.number} and ${second.number} have this label`,
      { hint: "Give one of the file systems another label, with tune2fs -L." },
    );
  const { path, offsetBytes } = disk.place(partition);
  return {
    name: `${label} on ${disk.path}`,
    label,
    device: disk.kernelName === undefined || offsetBytes > 0 ? undefined : path,
    number: partition.number,
    mounts: () => disk.mountsOf(partition).filter(({ root }) => root === "/"),
  };
}

/** Undefined when the partition holds no ext file system, or cannot be read. */
function labelOf(
  devices: Devices,
  disk: PartitionedDisk,
  partition: Partition,
): string | undefined {
  if (partition.sizeBytes < SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES) return undefined;
  try {
    const { path, offsetBytes } = disk.place(partition);
    const block = devices.openBlock(path, { write: false });
    try {
      const at = offsetBytes + SUPERBLOCK_OFFSET_BYTES;
      return readLabel(readBlock(block, at, SUPERBLOCK_BYTES));
    } finally {
      block.close();
    }
  } catch (error) {
    if (error instanceof TandemError) return undefined;
    throw error;
  }
}
