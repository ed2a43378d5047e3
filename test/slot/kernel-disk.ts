/** A fake machine with disks: their content, and their files in /sys, /proc and /dev. */
import { posix } from "node:path";
import { readGpt } from "../../src/disk/gpt.ts";
import { TandemError } from "../../src/lib/error.ts";
import type { Devices } from "../../src/slot/block-device.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";

export interface KernelSetup {
  /** Kernel name → content. Its partitions get device nodes, unless the name begins with "loop". */
  readonly disks?: Readonly<Record<string, PagedImage>>;
  /** Path → content of plain files. */
  readonly plain?: Readonly<Record<string, PagedImage>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly cmdline?: string;
  readonly mountinfo?: string;
  /** Overrides in /sys and /proc. */
  readonly files?: Readonly<Record<string, string>>;
  /** Path → content of device nodes. */
  readonly nodes?: Readonly<Record<string, PagedImage>>;
}

export interface KernelMachine extends Devices {
  /** What was opened: "r /dev/sda" to read, "held /dev/sda" to write and hold, "w /dev/sda" to write without a hold. */
  readonly opened: string[];
  readonly closed: string[];
}

export function kernelMachine(setup: KernelSetup): KernelMachine {
  const { disks = {}, plain = {}, links = {} } = setup;
  const contents: Record<string, PagedImage> = { ...plain };
  const files: Record<string, string> = {
    "/proc/cmdline": `${setup.cmdline ?? ""}\n`,
    "/proc/self/mountinfo": setup.mountinfo ?? "",
  };
  for (const [index, [name, image]] of Object.entries(disks).entries())
    addDisk({ name, image, major: 8 + index }, contents, files);
  Object.assign(contents, setup.nodes);
  const opened: string[] = [];
  const closed: string[] = [];
  const { durable, mounted: mountedFiles, mounts } = memorySystem();
  return {
    opened,
    closed,
    durable,
    mounted: mountedFiles,
    mounts,
    files: memoryFiles({ ...files, ...setup.files }),
    readLink: (path) => links[path],
    absolute: (path) => posix.resolve("/home", path),
    openBlock(path, { write, hold = false }) {
      const image = contents[path];
      if (image === undefined) throw new TandemError("disk", `Cannot open ${path}: ENOENT`);
      const way = hold ? "held" : "w";
      opened.push(`${write ? way : "r"} ${path}`);
      return { ...image.file(path), close: () => closed.push(path) };
    },
  };
}

/** One line of mountinfo. */
export function mounted(device: string, path: string): string {
  return `22 1 ${device} / ${path} rw,relatime shared:1 - ext4 /dev/root rw\n`;
}

interface Disk {
  readonly name: string;
  readonly image: PagedImage;
  readonly major: number;
}

function addDisk(
  { name, image, major }: Disk,
  contents: Record<string, PagedImage>,
  files: Record<string, string>,
): void {
  const sys = `/sys/class/block/${name}`;
  const uevent = `MAJOR=${major}\nMINOR=0\nDEVNAME=${name}\nDEVTYPE=disk\n`;
  contents[`/dev/${name}`] = image;
  files[`${sys}/uevent`] = uevent;
  files[`${sys}/dev`] = `${major}:0\n`;
  files[`${sys}/size`] = `${image.sizeBytes / 512}\n`;
  for (const { number, offsetBytes, sizeBytes } of partitionsOf(image)) {
    const child = /\d$/.test(name) ? `${name}p${number}` : `${name}${number}`;
    const device = `${major}:${number}`;
    // The node of a partition has bytes of its own here, so a test sees which node was written.
    contents[`/dev/${child}`] = image.fork();
    for (const place of [
      `${sys}/${child}`,
      `/sys/class/block/${child}`,
      `/sys/dev/block/${device}`,
    ]) {
      files[`${place}/partition`] = `${number}\n`;
      files[`${place}/dev`] = `${device}\n`;
      files[`${place}/start`] = `${offsetBytes / 512}\n`;
      files[`${place}/size`] = `${sizeBytes / 512}\n`;
      files[`${place}/uevent`] = `DEVNAME=${child}\nDEVTYPE=partition\nPARTN=${number}\n`;
    }
    files[`/sys/dev/block/${device}/../uevent`] = uevent;
  }
}

function partitionsOf(image: PagedImage): ReturnType<typeof readGpt>["partitions"] {
  try {
    return readGpt(image.file()).partitions;
  } catch {
    return [];
  }
}
