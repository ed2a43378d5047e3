import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync } from "node:fs";
import { ptr } from "bun:ffi";
import { reasonOf, TandemError } from "../lib/error.ts";
import { allocate } from "./allocate.ts";
import { call } from "./call.ts";
import { errnoOf, FileFault, permissionHint } from "./failure.ts";
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
   * Makes a mounted file system writable, or read-only, for all its mount points, and the mount point itself too. Other
   * mount points keep their own access. While a removed file is in use, only the mount point becomes read-only.
   */
  remount(path: string, access: { readonly isReadOnly: boolean }): void;
  /** Unmounts what was mounted last at `path`. */
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
   * containers. Undefined when another run has it. The end of the process frees it.
   */
  tryLock(folder: string): { release(): void } | undefined;
}

/** linux/mount.h. The numbers of the options that a mount point has beside those of its file system. */
const OPTIONS: Readonly<Record<string, number>> = { nosuid: 2, nodev: 4, noexec: 8 };
const READ_ONLY = 1;
const REMOUNT = 32;
const BIND = 4096;
const WITH_ALL_BELOW = 16384;
const PRIVATE = 1 << 18;
/** umount2(2): takes the mount and all below it out of sight, and ends each when nothing uses it any more. */
const DETACH = 2;

export const linuxMounts: Mounts = {
  ownFolder: `/run/tandem/${process.pid}`,
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
  remount: (path, { isReadOnly }) =>
    attempt(`make ${path} ${isReadOnly ? "read-only" : "writable"}`, () =>
      remountAt(path, isReadOnly),
    ),
  unmount: (path) => attempt(`unmount ${path}`, () => unmountAt(path, 0)),
  backingOf: (device) => attempt(`read the loop device ${device}`, () => backingOf(device)),
  allocate,
  tryLock: (folder) => attempt(`lock ${folder}`, () => lockFolder(folder)),
};

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
      if (made !== undefined) rmdirSync(path);
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

function remountAt(path: string, isReadOnly: boolean): void {
  const flags = REMOUNT + (isReadOnly ? READ_ONLY : 0) + optionsOf(path);
  try {
    mountAt(path, { flags });
  } catch (error) {
    if (errnoOf(error) === "EACCES") throw new FileFault(path, "its device is read-only", "EROFS");
    if (errnoOf(error) !== "EBUSY" || !isReadOnly) throw error;
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

/** The options that the mount point has and that a remount would clear. */
function optionsOf(path: string): number {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const options = mounts.map((line) => line.split(" ")).findLast((words) => words[4] === path)?.[5];
  const numbers = (options ?? "").split(",").map((option) => OPTIONS[option] ?? 0);
  return numbers.reduce((sum, number) => sum + number, 0);
}

function lockFolder(folder: string): { release(): void } | undefined {
  const fd = openSync(folder, "r");
  try {
    if (tryLock(fd)) return { release: () => closeSync(fd) };
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
