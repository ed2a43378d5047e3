/**
 * The folders where the file systems of Kairos' partitions are mounted. A part that is not mounted is mounted for the
 * time of use, and a part that is mounted read-only is writable for the time of use.
 */
import { TandemError } from "../../lib/error.ts";
import { errnoOf } from "../../system/failure.ts";
import type { Devices } from "../block-device.ts";
import { mountOwner, tolerate } from "./own-mounts.ts";
import { INITRD_MOUNTS } from "./running-image.ts";
import { type KairosDisk, type KairosPart, KAIROS_LABELS, type PartPlace } from "./places.ts";

interface Opened {
  readonly path: string;
  users: number;
  /** Undefined when another program has mounted it. */
  readonly unmount: (() => void) | undefined;
}

export interface PartFolder {
  readonly path: string;
  readonly close: () => void;
}

export class PartFolders {
  readonly #devices: Devices;
  readonly #disk: KairosDisk;
  readonly #opened = new Map<KairosPart, Opened>();

  constructor(devices: Devices, disk: KairosDisk) {
    this.#devices = devices;
    this.#disk = disk;
  }

  /** The caller closes it. Throws "disk" when the disk has no such part, or it cannot be mounted. */
  open(name: KairosPart, { write }: { readonly write: boolean }): PartFolder {
    const opened = this.#opened.get(name) ?? this.#mount(name);
    this.#opened.set(name, opened);
    opened.users += 1;
    try {
      const protect = write ? this.#makeWritable(opened.path) : undefined;
      const close = once(() => {
        if (protect !== undefined) tolerate(protect);
        this.#leave(name, opened);
      });
      return { path: opened.path, close };
    } catch (error) {
      this.#leave(name, opened);
      throw error;
    }
  }

  /** Kairos has its own mount read-only. A run that was killed, or the original, may have left it writable. */
  #makeWritable(path: string): () => void {
    const isOfInitrd = INITRD_MOUNTS.some((mount) => path.endsWith(mount));
    return this.#devices.mounts.makeWritable(path, isOfInitrd ? "read-only" : "as before");
  }

  /** Opens a part for `use` alone. */
  with<T>(name: KairosPart, access: { readonly write: boolean }, use: (path: string) => T): T {
    const folder = this.open(name, access);
    try {
      return use(folder.path);
    } finally {
      folder.close();
    }
  }

  #mount(name: KairosPart): Opened {
    const part = this.#disk.parts[name];
    if (part === undefined)
      throw new TandemError(
        "disk",
        `Cannot find partition ${KAIROS_LABELS[name]} on ${this.#disk.path}`,
      );
    const mounts = part.mounts();
    const mount = mounts.find(({ path }) => mountOwner(this.#devices, path) === undefined);
    if (mount !== undefined) return { path: mount.path, users: 0, unmount: undefined };
    const device = this.#deviceOf(part);
    const taken = new Set(mounts.map(({ path }) => path));
    return this.#mountDevice(device, freeOf(`${this.#devices.mounts.ownFolder}/${name}`, taken));
  }

  /** Only parts of the running disk are mounted: what is on another one is for its owner to decide. */
  #deviceOf({ name, device }: PartPlace): string {
    if (device !== undefined && this.#disk.running !== undefined) return device;
    const how =
      device === undefined
        ? "Show the disk as a loop device with losetup -P, mount the partition, and name the loop device with --disk."
        : `Mount it first: mount ${device} /mnt`;
    throw new TandemError("disk", `Cannot reach the files on ${name}: it is not mounted`, {
      hint: how,
    });
  }

  /** The kernel refuses a second mount of a file system with the other access. */
  #mountDevice(device: string, path: string): Opened {
    const { mounts } = this.#devices;
    const mount = (isReadOnly: boolean): Opened => ({
      path,
      users: 0,
      unmount: mounts.mount(device, path, { type: "ext4", isReadOnly }),
    });
    try {
      return mount(true);
    } catch (error) {
      if (!(error instanceof TandemError) || errnoOf(error.cause) !== "EBUSY") throw error;
      return mount(false);
    }
  }

  #leave(name: KairosPart, opened: Opened): void {
    opened.users -= 1;
    if (opened.users > 0) return;
    this.#opened.delete(name);
    if (opened.unmount !== undefined) tolerate(opened.unmount);
  }
}

/** A layout that is opened a second time has mounts of its own. */
function freeOf(path: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const free = number === 1 ? path : `${path}-${number}`;
    if (!taken.has(free)) return free;
  }
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}
