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

/** The calls of the kernel that durable files are made of. Their errors are those of node:fs. */
export interface FileCalls {
  /** Undefined when there is nothing. */
  stat(path: string): { readonly isFolder: boolean; readonly sizeBytes: number } | undefined;
  /** What is in a folder. */
  names(path: string): readonly string[];
  /** Opens a file or a folder to read, or with "wx" makes a file that must not be there. Returns the descriptor. */
  open(path: string, flags: "r" | "wx"): number;
  /** Returns how many bytes it read; 0 at the end. */
  read(descriptor: number, target: Uint8Array): number;
  /** Returns how many bytes it wrote. */
  write(descriptor: number, bytes: Uint8Array): number;
  /** fsync(2): of a file its data, of a folder its names. */
  flush(descriptor: number): void;
  dropCache(descriptor: number, sizeBytes: number): void;
  close(descriptor: number): void;
  makeFolder(path: string): void;
  /** Removes a file. Nothing happens when it is not there. */
  remove(path: string): void;
  freeBytes(path: string): number;
  /** Major and minor number of the device whose file system has it, as in mountinfo: "8:2". undefined: there is nothing. */
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
    return stat && `${majorOf(stat.dev)}:${minorOf(stat.dev)}`;
  },
};

/** How Linux packs a device number for user space (makedev(3)): 12 bits of major in the middle, 8 and 12 bits of minor around them. */
function majorOf(device: number): number {
  return Math.floor(device / 2 ** 8) % 2 ** 12;
}

function minorOf(device: number): number {
  return (device % 2 ** 8) + Math.floor(device / 2 ** 20) * 2 ** 8;
}
