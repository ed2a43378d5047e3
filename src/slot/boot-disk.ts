import { readGpt } from "../disk/gpt.ts";
import { TandemError } from "../lib/error.ts";
import { diskNames, nodeOf, partitionOfDevice, type Devices } from "./block-device.ts";
import { parseCmdline, type Cmdline } from "./cmdline.ts";
import { parseMounts, rootDevice } from "./mounts.ts";

/** What the machine says of the running system's root. */
export interface BootFacts {
  /**
   * The partition that is mounted as the root. Undefined when the root is an overlay, a verity device or an initramfs.
   */
  readonly root: { readonly disk: string; readonly number: number } | undefined;
  /** What the boot loader has put on the kernel command line. */
  readonly cmdline: Cmdline;
}

const HINT = "Name the disk with --disk.";

export function bootFacts({ files }: Pick<Devices, "files">): BootFacts {
  const device = rootDevice(parseMounts(files.readText("/proc/self/mountinfo") ?? ""));
  return {
    root: device === undefined ? undefined : partitionOfDevice({ files }, device),
    cmdline: parseCmdline(files.readText("/proc/cmdline") ?? ""),
  };
}

/**
 * The kernel's name of the disk that holds the running system: the disk of the mounted root, else the only disk that
 * has the partition from the kernel command line. Labels do not count, because two disks may have the same ones. Throws
 * "disk" when no disk, or more than one, is found.
 */
export function findBootDisk(devices: Devices, { root, cmdline }: BootFacts): string {
  if (root !== undefined) return root.disk;
  const { rootPartuuid: partuuid } = cmdline;
  if (partuuid === undefined)
    throw new TandemError(
      "disk",
      "Cannot find the disk that this machine runs from: the root is no partition, and the kernel command line has no root=PARTUUID=",
      { hint: HINT },
    );
  const disks = diskNames(devices).filter((name) => holds(devices, name, partuuid));
  const [disk] = disks;
  if (disk !== undefined && disks.length === 1) return disk;
  const found =
    disks.length === 0 ? "no disk has it" : `${disks.map(nodeOf).join(" and ")} have it`;
  throw new TandemError(
    "disk",
    `Cannot find the disk that this machine runs from: its root is partition ${partuuid}, and ${found}`,
    { hint: HINT },
  );
}

/** Whether a disk has the partition. A disk that cannot be read, or has no partition table, does not have it. */
function holds(devices: Devices, name: string, partuuid: string): boolean {
  try {
    const disk = devices.openBlock(nodeOf(name), { write: false });
    try {
      return readGpt(disk).partitions.some(({ uuid }) => uuid === partuuid);
    } finally {
      disk.close();
    }
  } catch (error) {
    if (error instanceof TandemError) return false;
    throw error;
  }
}
