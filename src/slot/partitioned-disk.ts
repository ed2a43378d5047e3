import { readGpt, type Gpt, type Partition } from "../disk/gpt.ts";
import { TandemError } from "../lib/error.ts";
import { type Access, part, type BlockFile } from "../system/block-file.ts";
import { kernelNameOf, kernelPartition, type Devices } from "./block-device.ts";
import { type Mount, parseMounts } from "./mounts.ts";

/** Where the bytes of a partition are reached. */
export interface PartitionPlace {
  /** A device node or a plain file. */
  readonly path: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A disk with a GPT, and the way to its partitions. */
export class PartitionedDisk {
  readonly path: string;
  readonly gpt: Gpt;
  /** The kernel's name of the disk. Undefined for a plain file. */
  readonly kernelName: string | undefined;
  readonly #devices: Devices;

  /** Throws "disk" when the table cannot be read. */
  constructor(devices: Devices, path: string) {
    this.#devices = devices;
    this.path = path;
    this.kernelName = kernelNameOf(devices, path);
    this.gpt = readTable(devices, path);
  }

  /**
   * Where the bytes of a partition are reached. That is the partition's own device node if it has one, because its page
   * cache is not that of the whole disk. Throws "disk" when the kernel knows another place for the partition.
   */
  place({ number, offsetBytes, sizeBytes }: Partition): PartitionPlace {
    const known =
      this.kernelName === undefined
        ? undefined
        : kernelPartition(this.#devices, this.kernelName, number);
    if (known === undefined) return { path: this.path, offsetBytes, sizeBytes };
    if (known.offsetBytes !== offsetBytes || known.sizeBytes !== sizeBytes)
      throw new TandemError(
        "disk",
        `Cannot use partition ${number} of ${this.path}: the kernel has it at ${known.offsetBytes}+${known.sizeBytes}, the partition table at ${offsetBytes}+${sizeBytes}`,
        { hint: "The table was changed while the disk was in use: reboot first." },
      );
    return { path: known.path, offsetBytes: 0, sizeBytes };
  }

  /**
   * Where the kernel has a partition mounted now. A plain file is mounted only through a loop device, which is another
   * disk to the kernel.
   */
  mountsOf({ number }: Partition): readonly Mount[] {
    if (this.kernelName === undefined) return [];
    const device = kernelPartition(this.#devices, this.kernelName, number)?.device;
    const mounts = parseMounts(this.#devices.files.readText("/proc/self/mountinfo") ?? "");
    return mounts.filter((mount) => mount.device === device);
  }

  /** The caller closes it. Opening for writing holds the partition. Throws "disk", also when it is in use. */
  open(partition: Partition, { write }: Access): BlockFile {
    if (write) this.#refuseMounted(partition);
    const { path, offsetBytes, sizeBytes } = this.place(partition);
    const file = this.#devices.openBlock(path, { write, hold: write });
    const name = `${partition.label} on ${this.path}`;
    return { ...part(file, { name, offsetBytes, sizeBytes }), close: () => file.close() };
  }

  #refuseMounted(partition: Partition): void {
    const [mount] = this.mountsOf(partition);
    if (mount === undefined) return;
    throw new TandemError(
      "disk",
      `Cannot write partition "${partition.label}" of ${this.path}: it is mounted at ${mount.path}`,
      { hint: "Unmount it first." },
    );
  }
}

function readTable(devices: Devices, path: string): Gpt {
  const disk = devices.openBlock(path, { write: false });
  try {
    return readGpt(disk);
  } finally {
    disk.close();
  }
}
