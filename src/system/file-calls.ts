import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { forgetCached } from "./syscall.ts";

/** The kernel's calls that DurableFiles uses; tests replace them. They throw the errors of node:fs. */
export interface FileCalls {
  /** Undefined when `path` does not exist. */
  stat(path: string): { readonly isFolder: boolean; readonly sizeBytes: number } | undefined;
  /** The names in a folder. */
  names(path: string): readonly string[];
  /**
   * "r": opens a file or a folder for reading. "wx": makes a file, and fails when the path exists. Returns the
   * descriptor.
   */
  open(path: string, flags: "r" | "wx"): number;
  /** Returns how many bytes it read; 0 at the end. */
  read(descriptor: number, target: Uint8Array): number;
  /** Returns how many bytes it wrote. */
  write(descriptor: number, bytes: Uint8Array): number;
  /** fsync(2): makes a file's data or a folder's names durable. */
  flush(descriptor: number): void;
  dropCache(descriptor: number, sizeBytes: number): void;
  close(descriptor: number): void;
  makeFolder(path: string): void;
  /** Removes a file. Does nothing when it does not exist. */
  remove(path: string): void;
  freeBytes(path: string): number;
  /**
   * The major and minor number of the device whose file system holds `path`, as in mountinfo: "8:2". Undefined when
   * `path` does not exist.
   */
  device(path: string): string | undefined;
}

export const linuxFileCalls: FileCalls = {
  stat(path) {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat && { isFolder: stat.isDirectory(), sizeBytes: stat.size };
  },
  names: (path) => readdirSync(path),
  open: (path, flags) => openSync(path, flags, 0o644),
  read: (descriptor, target) => readSync(descriptor, target, 0, target.byteLength, null),
  write: (descriptor, bytes) => writeSync(descriptor, bytes, 0, bytes.byteLength),
  flush: fsyncSync,
  dropCache: (descriptor, sizeBytes) => forgetCached(descriptor, 0, sizeBytes),
  close: closeSync,
  makeFolder: (path) => mkdirSync(path),
  remove: (path) => rmSync(path, { force: true }),
  freeBytes(path) {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  },
  device(path) {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat && deviceText(stat.dev);
  },
};

/**
 * The text of a device number in mountinfo, "8:2". Linux packs it for user space (makedev(3)): the lower 8 bits of the
 * minor number, 12 bits of the major number, then the upper 12 bits of the minor number.
 */
export function deviceText(device: number): string {
  return `${majorOf(device)}:${minorOf(device)}`;
}

function majorOf(device: number): number {
  return Math.floor(device / 2 ** 8) % 2 ** 12;
}

function minorOf(device: number): number {
  return (device % 2 ** 8) + Math.floor(device / 2 ** 20) * 2 ** 8;
}
