import {
  closeSync,
  fstatSync,
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
import { dirname, join } from "node:path";
import { MiB } from "../lib/units.ts";
import { forgetCached } from "./syscall.ts";
import { flushFolder } from "./flush-folder.ts";

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

/** Files in a mounted file system that others depend on after a cut: what returns is on the medium, and so is its name. */
export interface DurableFiles {
  /** Undefined when there is no such folder. */
  list(path: string): readonly FolderEntry[] | undefined;
  /** Makes a file that is not there yet. After a failure it is not there either. */
  create(path: string, chunks: Iterable<Uint8Array>): void;
  /** All of a file from the medium; each chunk is only valid until the next. */
  read(path: string): Iterable<Uint8Array>;
  /** Nothing happens when it is not there. */
  remove(path: string): void;
  /** Nothing happens when it is there. Its parent must be. */
  makeFolder(path: string): void;
  freeBytes(path: string): number;
  /** Major and minor number of the device whose file system has it, as in mountinfo: "8:2". undefined: there is nothing. */
  device(path: string): string | undefined;
}

const BUFFER_BYTES = MiB;

export const durableFiles: DurableFiles = {
  list,
  create,
  read,
  remove(path) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
    rmSync(path);
    flushFolder(dirname(path));
  },
  makeFolder(path) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    mkdirSync(path);
    flushFolder(dirname(path));
  },
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

function list(path: string): readonly FolderEntry[] | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  return readdirSync(path).flatMap((name) => {
    const stat = statSync(join(path, name), { throwIfNoEntry: false });
    if (stat === undefined) return [];
    return [{ name, isFolder: stat.isDirectory(), sizeBytes: stat.size }];
  });
}

function create(path: string, chunks: Iterable<Uint8Array>): void {
  const file = openSync(path, "wx", 0o644);
  try {
    for (const chunk of chunks)
      for (let done = 0; done < chunk.byteLength;)
        done += writeSync(file, chunk, done, chunk.byteLength - done);
    fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  flushFolder(dirname(path));
}

function* read(path: string): Generator<Uint8Array> {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size > 0) forgetCached(file, 0, size);
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (;;) {
      const got = readSync(file, buffer, 0, buffer.byteLength, null);
      if (got === 0) return;
      yield buffer.subarray(0, got);
    }
  } finally {
    closeSync(file);
  }
}
