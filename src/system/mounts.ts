import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { ptr } from "bun:ffi";
import { defined } from "../lib/assert.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { allocate } from "./allocate.ts";
import { call } from "./call.ts";
import { errnoOf, FileFault, permissionHint } from "./failure.ts";
import { Holders } from "./holders.ts";
import { backingOf, type LoopBacking, withLoopDevice } from "./loop-device.ts";
import { tryLock } from "./syscall.ts";

export interface MountOptions {
  /** The type of the file system: "ext4". */
  readonly type: string;
  readonly isReadOnly: boolean;
}

/**
 * What the kernel does for mounted file systems. Most of it needs root. The calls throw "disk". A call that mounts
 * makes the mount point when it is missing, and returns a function that unmounts and removes what was made.
 */
export interface Mounts {
  /** Where this process may make mount points: a folder below /run that no other process uses. */
  readonly ownFolder: string;
  /** Mounts the file system of a block device. Throws also when the kernel has it mounted with the other access. */
  mount(device: string, path: string, options: MountOptions): () => void;
  /** Mounts the file system in a plain file. */
  mountFile(file: string, path: string, options: MountOptions): () => void;
  /**
   * Shows a folder, and all that is mounted below it, at another path too. Later mounts and unmounts at one of the two
   * paths do not change the other. The returned function also unmounts what is still in use.
   */
  bind(folder: string, path: string): () => void;
  /**
   * Makes a mounted file system, and this mount point of it, writable. When the returned function was called as often as
   * this one, they are read-only again: always, or only if they were before. While a removed file is in use, only the
   * mount point is.
   */
  makeWritable(path: string, after?: "read-only" | "as before"): () => void;
  /**
   * Unmounts what was mounted last at `path`, also when it is still in use. Removes the mount point when a process of
   * tandem has made it in its folder.
   */
  unmount(path: string): void;
  /** The file that the loop device shows. */
  backingOf(device: string): LoopBacking;
  /**
   * Makes a plain file of zeros, with mode 0600, all of whose blocks are reserved. Throws "no-space" with the numbers,
   * and then leaves no file.
   */
  allocate(path: string, sizeBytes: number): void;
  /**
   * Tries to take the exclusive flock(2) on a folder. It counts for all mount points of the file system, also in
   * containers. Undefined when another process has it. This process may take it several times. The end of the process
   * frees it.
   */
  tryLock(folder: string): (() => void) | undefined;
}

/** linux/mount.h. The options of a mount point that a remount would clear. */
const KEPT_OPTIONS: Readonly<Record<string, number>> = { nosuid: 2, nodev: 4, noexec: 8 };
const READ_ONLY = 1;
const REMOUNT = 32;
const BIND = 4096;
const WITH_ALL_BELOW = 16384;
const PRIVATE = 1 << 18;
/** umount2(2): takes the mount and all below it out of sight, and ends each when nothing uses it any more. */
const DETACH = 2;

/** The folders of all processes of tandem. */
const ALL_FOLDERS = "/run/tandem";

export const linuxMounts: Mounts = {
  ownFolder: `${ALL_FOLDERS}/${process.pid}`,
  mount: (device, path, { type, isReadOnly }) =>
    mounting({ what: `mount ${device}`, path }, () =>
      mountAt(path, { source: device, type, flags: isReadOnly ? READ_ONLY : 0 }),
    ),
  mountFile: (file, path, { type, isReadOnly }) =>
    mounting({ what: `mount ${file}`, path }, () =>
      withLoopDevice(file, { isReadOnly }, (device) =>
        mountAt(path, { source: device, type, flags: isReadOnly ? READ_ONLY : 0 }),
      ),
    ),
  bind: (folder, path) =>
    mounting({ what: `show ${folder}`, path, endFlags: DETACH }, () => bindAt(folder, path)),
  makeWritable: (path, after = "as before") =>
    defined(
      attempt(`make ${path} writable`, () =>
        writable.hold(path, () => remountWritable(path, after)),
      ),
      "end",
    ),
  unmount: (path) =>
    attempt(`unmount ${path}`, () => {
      unmountAt(path, DETACH);
      if (isOwn(path)) removeMountPoint(path);
    }),
  backingOf: (device) => attempt(`read the loop device ${device}`, () => backingOf(device)),
  allocate,
  tryLock: (folder) =>
    attempt(`lock ${folder}`, () => {
      const { dev, ino } = statSync(folder);
      return locks.hold(`${dev}:${ino}`, () => lockFolder(folder));
    }),
};

const writable = new Holders();
const locks = new Holders();

interface Mounting {
  /** "mount /dev/sda1" */
  readonly what: string;
  readonly path: string;
  /** The flags of umount2(2). */
  readonly endFlags?: number;
}

function mounting({ what, path, endFlags = 0 }: Mounting, mountIt: () => void): () => void {
  return attempt(`${what} on ${path}`, () => {
    const made = mkdirSync(path, { recursive: true });
    const removeFolder = (): void => {
      if (made !== undefined) removeMountPoint(path);
    };
    try {
      mountIt();
    } catch (error) {
      removeFolder();
      throw error;
    }
    return () =>
      attempt(`unmount ${path}`, () => {
        unmountAt(path, endFlags);
        removeFolder();
      });
  });
}

/** The last mount point of a process takes the folder of the process with it. */
function removeMountPoint(path: string): void {
  rmdirSync(path);
  try {
    if (isOwn(path)) rmdirSync(dirname(path));
  } catch (error) {
    if (errnoOf(error) !== "ENOTEMPTY") throw error;
  }
}

/** Whether a process of tandem has made the mount point in its folder. What lies deeper belongs to what is mounted. */
function isOwn(path: string): boolean {
  return dirname(dirname(path)) === ALL_FOLDERS;
}

interface MountCall {
  readonly source?: string;
  readonly type?: string;
  readonly flags: number;
}

/** See mount(2). */
function mountAt(path: string, { source, type, flags }: MountCall): void {
  const [from, to, kind] = [source, path, type].map(textOf);
  call("mount", [addressOf(from), addressOf(to), addressOf(kind), flags, 0]);
}

/** Returns how to undo it. */
function remountWritable(path: string, after: "read-only" | "as before"): () => void {
  const options = optionsOf(path);
  const flags = REMOUNT + options.reduce((sum, option) => sum + (KEPT_OPTIONS[option] ?? 0), 0);
  const isWritable = !options.includes("ro");
  if (isWritable && after === "as before") return () => {};
  if (!isWritable) remountWith(path, flags);
  return () => attempt(`make ${path} read-only`, () => remountReadOnly(path, flags + READ_ONLY));
}

function remountWith(path: string, flags: number): void {
  try {
    mountAt(path, { flags });
  } catch (error) {
    if (errnoOf(error) === "EACCES") throw new FileFault(path, "its device is read-only", "EROFS");
    throw error;
  }
}

function remountReadOnly(path: string, flags: number): void {
  try {
    mountAt(path, { flags });
  } catch (error) {
    if (errnoOf(error) !== "EBUSY") throw error;
    mountAt(path, { flags: flags + BIND });
  }
}

/**
 * systemd shares all mounts: without the second call, the end of what lies below `path` would end what lies below
 * `folder`.
 */
function bindAt(folder: string, path: string): void {
  mountAt(path, { source: folder, flags: BIND + WITH_ALL_BELOW });
  try {
    mountAt(path, { flags: PRIVATE + WITH_ALL_BELOW });
  } catch (error) {
    unmountAt(path, DETACH);
    throw error;
  }
}

/** See umount2(2). */
function unmountAt(path: string, flags: number): void {
  const text = textOf(path);
  call("umount2", [addressOf(text), flags]);
}

function textOf(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : new TextEncoder().encode(`${text}\0`);
}

function addressOf(text: Uint8Array | undefined): number {
  return text === undefined ? 0 : ptr(text);
}

/** The options of what is mounted at `path`: of the mount point, then of the file system. */
function optionsOf(path: string): readonly string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const line = lines.findLast((one) => one.split(" ")[4] === escaped(path));
  const [mount = "", fileSystem = ""] = line?.split(" - ") ?? [];
  return [mount.split(" ")[5], fileSystem.split(" ")[2]].flatMap((list) => (list ?? "").split(","));
}

/** The kernel writes space, tab, newline and backslash as a backslash and three octal digits. */
function escaped(path: string): string {
  return path.replaceAll(
    /[ \t\n\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

function lockFolder(folder: string): (() => void) | undefined {
  const fd = openSync(folder, "r");
  try {
    if (tryLock(fd)) return () => closeSync(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return undefined;
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof TandemError) throw cause;
    throw new TandemError("disk", `Cannot ${what}: ${reasonOf(cause)}`, {
      cause,
      ...permissionHint(cause),
    });
  }
}
