/** A fake machine with disks of Kairos. Folders and image files are real ones, in a temporary folder. */
import { mkdirSync, symlinkSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { defined } from "../../../src/lib/assert.ts";
import { TandemError } from "../../../src/lib/error.ts";
import { viewOf } from "../../../src/lib/view.ts";
import type { Access, BlockFile } from "../../../src/system/block-file.ts";
import { Holders } from "../../../src/system/holders.ts";
import { openBlockFile } from "../../../src/system/linux-block-file.ts";
import type { LoopBacking } from "../../../src/system/loop-device.ts";
import { linuxMountedFiles, type MountedFiles } from "../../../src/system/mounted-files.ts";
import type { Mounts } from "../../../src/system/mounts.ts";
import { gptImage } from "../../disk/gpt-image.ts";
import { PagedImage } from "../../fakes/paged-image.ts";
import { type KernelMachine, kernelMachine } from "../kernel-disk.ts";

/** The partitions of a disk: the label of the file system on each, or undefined. */
export const LABELS: readonly (string | undefined)[] = [
  undefined,
  "COS_OEM",
  "COS_RECOVERY",
  "COS_STATE",
  "COS_PERSISTENT",
];

export interface FakeMount {
  readonly device: string;
  readonly path: string;
  readonly access?: "ro" | "rw";
  readonly root?: string;
}

export interface FakeSetup {
  /** Kernel name of a disk → labels of its partitions. Default: one disk, "sda". */
  readonly disks?: Readonly<Record<string, readonly (string | undefined)[]>>;
  readonly cmdline?: string;
  readonly mounts?: readonly FakeMount[];
  /** The mounts of process 1 of the host, as a pod sees them. */
  readonly hostMounts?: readonly FakeMount[];
  /** "loop0" → the file that it shows. */
  readonly loops?: Readonly<Record<string, Partial<LoopBacking>>>;
  /** Paths that exist. */
  readonly files?: Readonly<Record<string, string>>;
  /** Where a device is when it is mounted: "/dev/sda3" → a real folder. */
  readonly contents?: Readonly<Record<string, string>>;
  /** A folder for the mount points of the process. */
  readonly ownFolder?: string;
  /** Whose calls fail: "remount" → an errno. */
  readonly failing?: Readonly<Record<string, string>>;
}

export interface FakeKairos extends KernelMachine {
  /** What was mounted and remounted, in order. */
  readonly log: string[];
  /** Folders whose lock another run has. */
  readonly lockedElsewhere: Set<string>;
}

/** Waits for no disk. */
export const unflushed: MountedFiles = { ...linuxMountedFiles, flush: () => {} };

export function kairosKernel(setup: FakeSetup = {}): FakeKairos {
  const { disks = { sda: LABELS }, loops = {}, cmdline = "" } = setup;
  const table = (setup.mounts ?? []).map((mount): MountLine => ({
    access: "ro",
    root: "/",
    ...mount,
  }));
  const machine = kernelMachine({
    cmdline,
    disks: Object.fromEntries(
      Object.entries(disks).map(([name, labels]) => [name, tableOf(labels)]),
    ),
    nodes: Object.assign(
      {},
      ...Object.entries(disks).map(([name, labels]) => nodesOf(name, labels)),
    ),
    files: {
      ...Object.assign({}, ...Object.keys(loops).map(sysOf)),
      ...(setup.hostMounts && { "/host/proc/1/mountinfo": mountinfo(setup.hostMounts) }),
      ...setup.files,
    },
  });
  const log: string[] = [];
  const lockedElsewhere = new Set<string>();
  return {
    ...machine,
    log,
    lockedElsewhere,
    files: {
      ...machine.files,
      readText: (path) =>
        path === "/proc/self/mountinfo" ? mountinfo(table) : machine.files.readText(path),
    },
    openBlock: (path: string, access: Access): BlockFile =>
      path.startsWith("/dev/") ? machine.openBlock(path, access) : openBlockFile(path, access),
    durable: { makeFolder: (path) => mkdirSync(path, { recursive: true }) },
    mounted: unflushed,
    mounts: fakeMounts(setup, { table, log, lockedElsewhere }),
  };
}

function refuse(): never {
  throw new Error("the fake kernel cannot do that");
}

interface MountLine {
  readonly device: string;
  readonly path: string;
  readonly root: string;
  access: "ro" | "rw";
}

interface MountState {
  readonly table: MountLine[];
  readonly log: string[];
  readonly lockedElsewhere: Set<string>;
}

function fakeMounts(
  { loops = {}, contents = {}, failing = {}, ownFolder = "/run/tandem/17" }: FakeSetup,
  { table, log, lockedElsewhere }: MountState,
): Mounts {
  const fail = (name: string): void => {
    const code = failing[name];
    if (code === undefined) return;
    const cause = Object.assign(new Error(code), { code });
    throw new TandemError("disk", `Cannot ${name}: ${code}`, { cause });
  };
  const unmount = (path: string): void => {
    log.push(`unmount ${path}`);
    table.splice(
      table.findLastIndex((mount) => mount.path === path),
      1,
    );
  };
  const remount = (path: string, access: "ro" | "rw"): void => {
    log.push(`remount ${path} ${access}`);
    fail(`remount ${access}`);
    for (const mount of table) if (mount.path === path) mount.access = access;
  };
  const writable = new Holders();
  return {
    ownFolder,
    mount(device, path, { isReadOnly }) {
      const access = isReadOnly ? "ro" : "rw";
      log.push(`mount ${device} ${path} ${access}`);
      fail(`mount ${access}`);
      const content = contents[device];
      if (content !== undefined) {
        mkdirSync(dirname(path), { recursive: true });
        symlinkSync(content, path);
      }
      table.push({ device: numberOf(device), path, access, root: "/" });
      return () => {
        unmount(path);
        if (content !== undefined) unlinkSync(path);
      };
    },
    makeWritable: (path, after = "as before") =>
      defined(
        writable.hold(path, () => {
          const isWritable = table.findLast((one) => one.path === path)?.access === "rw";
          if (isWritable && after === "as before") return () => {};
          if (!isWritable) remount(path, "rw");
          return () => remount(path, "ro");
        }),
        "end",
      ),
    unmount,
    backingOf(device) {
      fail("backingOf");
      const backing = loops[device.slice("/dev/".length)];
      return { identity: "8:5", device: "8:4", offsetBytes: 0, ...backing };
    },
    allocate: (path, sizeBytes) => unflushed.create(path, new Uint8Array(sizeBytes)),
    tryLock(folder) {
      if (lockedElsewhere.has(folder)) return undefined;
      log.push(`lock ${folder}`);
      return () => log.push(`release ${folder}`);
    },
    mountFile: refuse,
    bind: refuse,
  };
}

/** "/dev/sda3" → "8:3", "/dev/sdb1" → "9:1", as kernelMachine() numbers them. */
function numberOf(node: string): string {
  const [, disk = "a", number = "0"] = /^\/dev\/sd([a-z])(\d*)$/.exec(node) ?? [];
  return `${8 + disk.charCodeAt(0) - "a".charCodeAt(0)}:${number}`;
}

function mountinfo(mounts: readonly FakeMount[]): string {
  return mounts
    .map(
      ({ device, path, access = "ro", root = "/" }) =>
        `22 1 ${device} ${root} ${path} ${access},relatime shared:1 - ext4 /dev/x ${access}\n`,
    )
    .join("");
}

const LBA = 128;

function tableOf(labels: readonly (string | undefined)[]): PagedImage {
  return gptImage({
    partitions: labels.map((_, index) => ({
      label: `p${index + 1}`,
      firstLba: LBA * (index + 1),
      lastLba: LBA * (index + 2) - 1,
    })),
  });
}

function nodesOf(
  disk: string,
  labels: readonly (string | undefined)[],
): Record<string, PagedImage> {
  const nodes = labels.map((label, index) => [`/dev/${disk}${index + 1}`, labelled(label)]);
  return Object.fromEntries(nodes) as Record<string, PagedImage>;
}

/** A superblock in which only the magic number and the label are right. */
function labelled(label: string | undefined): PagedImage {
  const image = PagedImage.zeros(LBA * 512);
  if (label === undefined) return image;
  const superblock = new Uint8Array(1024);
  viewOf(superblock).setUint16(0x38, 0xef53, true);
  superblock.set(Buffer.from(label), 0x78);
  image.write(1024, superblock);
  return image;
}

function sysOf(loop: string): Record<string, string> {
  const number = loop.slice("loop".length);
  return {
    [`/sys/dev/block/7:${number}/loop/backing_file`]: "/cOS/x.img\n",
    [`/sys/dev/block/7:${number}/uevent`]: `MAJOR=7\nDEVNAME=${loop}\nDEVTYPE=disk\n`,
    [`/sys/class/block/${loop}/loop/backing_file`]: "/cOS/x.img\n",
  };
}
