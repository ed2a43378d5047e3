import { dirname, join } from "node:path";
import { MiB } from "../lib/units.ts";
import { type FileCalls, linuxFileCalls } from "./file-calls.ts";
import { flushFolder } from "./flush-folder.ts";

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

/**
 * Files in a mounted file system that must survive a power cut: when a call returns, data and names are on the medium.
 */
export interface DurableFiles {
  /** Lists a folder. Undefined when there is no such folder. */
  list(path: string): readonly FolderEntry[] | undefined;
  /** Makes a new file; throws when the path exists. Removes the file again after a failure. */
  create(path: string, chunks: Iterable<Uint8Array>): void;
  /** Reads all of a file from the medium. Each chunk is valid only until the next one. */
  read(path: string): Iterable<Uint8Array>;
  /** Removes a file. Does nothing when it does not exist. */
  remove(path: string): void;
  /** Makes a folder in an existing folder. Does nothing when it exists. */
  makeFolder(path: string): void;
  freeBytes(path: string): number;
  /**
   * The major and minor number of the device whose file system holds `path`, as in mountinfo: "8:2". Undefined when
   * `path` does not exist.
   */
  device(path: string): string | undefined;
}

const BUFFER_BYTES = MiB;

export const durableFiles: DurableFiles = durableFilesOn(linuxFileCalls);

export function durableFilesOn(calls: FileCalls): DurableFiles {
  return {
    list: (path) => list(calls, path),
    create: (path, chunks) => create(calls, path, chunks),
    read: (path) => read(calls, path),
    remove(path) {
      if (calls.stat(path) === undefined) return;
      calls.remove(path);
      flushFolder(dirname(path), calls);
    },
    makeFolder(path) {
      if (calls.stat(path)?.isFolder === true) return;
      calls.makeFolder(path);
      flushFolder(dirname(path), calls);
    },
    freeBytes: (path) => calls.freeBytes(path),
    device: (path) => calls.device(path),
  };
}

function list(calls: FileCalls, path: string): readonly FolderEntry[] | undefined {
  if (calls.stat(path)?.isFolder !== true) return undefined;
  return calls.names(path).flatMap((name) => {
    const stat = calls.stat(join(path, name));
    return stat === undefined ? [] : [{ name, ...stat }];
  });
}

function create(calls: FileCalls, path: string, chunks: Iterable<Uint8Array>): void {
  const file = calls.open(path, "wx");
  try {
    for (const chunk of chunks)
      for (let done = 0; done < chunk.byteLength;) done += calls.write(file, chunk.subarray(done));
    calls.flush(file);
  } catch (error) {
    calls.remove(path);
    throw error;
  } finally {
    calls.close(file);
  }
  flushFolder(dirname(path), calls);
}

function* read(calls: FileCalls, path: string): Generator<Uint8Array> {
  const file = calls.open(path, "r");
  try {
    const sizeBytes = calls.stat(path)?.sizeBytes ?? 0;
    if (sizeBytes > 0) calls.dropCache(file, sizeBytes);
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (;;) {
      const got = calls.read(file, buffer);
      if (got === 0) return;
      yield buffer.subarray(0, got);
    }
  } finally {
    calls.close(file);
  }
}
