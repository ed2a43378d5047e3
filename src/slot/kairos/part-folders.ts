/**
 * The folders where the file systems of Kairos' partitions are mounted. A part that is not mounted is mounted for the
 * time of use, and a part that is mounted read-only is writable for the time of use.
 */
import { dirname } from "node:path";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { errnoOf } from "../../system/failure.ts";
import { hintRefused } from "../../system/hint.ts";
import type { Devices } from "../block-device.ts";
import { type KairosDisk, type KairosPart, KAIROS_LABELS, type PartPlace } from "./places.ts";

interface Opened {
  readonly path: string;
  users: number;
  writers: number;
  isWritable: boolean;
  /** Undefined when tandem has not mounted it. */
  readonly unmount: (() => void) | undefined;
  /** What the last writer undoes. */
  protect: (() => void) | undefined;
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
    const opened = this.#opened.get(name) ?? this.#mount(name, write);
    this.#opened.set(name, opened);
    opened.users += 1;
    if (write) opened.writers += 1;
    const close = once(() => this.#leave(name, opened, write));
    try {
      if (write) this.#makeWritable(opened);
    } catch (error) {
      close();
      throw error;
    }
    return { path: opened.path, close };
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

  #mount(name: KairosPart, write: boolean): Opened {
    const part = this.#disk.parts[name];
    if (part === undefined)
      throw new TandemError(
        "disk",
        `Cannot find partition ${KAIROS_LABELS[name]} on ${this.#disk.path}`,
      );
    const mount = part.mounts().find(({ path }) => this.#ownerOf(path) === undefined);
    if (mount !== undefined) return openedAt(mount.path, { isReadOnly: mount.isReadOnly });
    const device = this.#deviceOf(part);
    if (write) this.#unmountStale(part);
    return this.#mountDevice(device, { path: `${this.#devices.mounts.ownFolder}/${name}`, write });
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
  #mountDevice(
    device: string,
    { path, write }: { readonly path: string; readonly write: boolean },
  ): Opened {
    const { mounts } = this.#devices;
    const mount = (isReadOnly: boolean): Opened => {
      const unmount = mounts.mount(device, path, { type: "ext4", isReadOnly });
      return openedAt(path, { isReadOnly, unmount });
    };
    try {
      return mount(!write);
    } catch (error) {
      if (!(error instanceof TandemError) || errnoOf(error.cause) !== "EBUSY") throw error;
      return mount(write);
    }
  }

  /** A run that was killed has left its mounts. */
  #unmountStale(part: PartPlace): void {
    const { files, mounts } = this.#devices;
    for (const { path } of part.mounts()) {
      const owner = this.#ownerOf(path);
      if (owner !== undefined && !files.exists(`/proc/${owner}`))
        attempt(() => mounts.unmount(path));
    }
  }

  /** The number of the process of tandem that has mounted there. Undefined for mounts of other programs. */
  #ownerOf(path: string): string | undefined {
    const own = `${dirname(this.#devices.mounts.ownFolder)}/`;
    return path.startsWith(own) ? path.slice(own.length).split("/")[0] : undefined;
  }

  #makeWritable(opened: Opened): void {
    if (opened.isWritable) return;
    const { mounts } = this.#devices;
    mounts.remount(opened.path, { isReadOnly: false });
    opened.isWritable = true;
    opened.protect = () => {
      mounts.remount(opened.path, { isReadOnly: true });
      opened.isWritable = false;
    };
  }

  #leave(name: KairosPart, opened: Opened, wasWriter: boolean): void {
    opened.users -= 1;
    if (wasWriter) opened.writers -= 1;
    if (opened.writers === 0 && opened.protect !== undefined) attempt(opened.protect);
    if (opened.writers === 0) opened.protect = undefined;
    if (opened.users > 0) return;
    this.#opened.delete(name);
    if (opened.unmount !== undefined) attempt(opened.unmount);
  }
}

function openedAt(
  path: string,
  { isReadOnly, unmount }: { readonly isReadOnly: boolean; readonly unmount?: () => void },
): Opened {
  return { path, users: 0, writers: 0, isWritable: !isReadOnly, unmount, protect: undefined };
}

/** Another program may use the file system. All that was done is on the medium. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    hintRefused(reasonOf(error));
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
