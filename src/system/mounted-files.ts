import {
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { FileFault } from "./failure.ts";
import { forgetCached, syncFileSystem } from "./syscall.ts";

/**
 * Files in a mounted file system that is also read by a boot loader, which replays no journal. Nothing is on the medium
 * before flush() has returned. The calls throw the errors of node:fs.
 */
export interface MountedFiles {
  /** Undefined when there is no such file. Throws when it is not a regular file. */
  stat(path: string): FileFacts | undefined;
  /** Reads all of the range from the medium, or throws. What was written has to be flushed before. */
  read(path: string, offsetBytes: number, sizeBytes: number): Uint8Array;
  /** Makes a new file; throws when the path exists. */
  create(path: string, bytes: Uint8Array): void;
  /** Writes into an existing file. It is never truncated, so it keeps its blocks. */
  write(path: string, offsetBytes: number, bytes: Uint8Array): void;
  /** Gives a file one more name; throws when that name exists. */
  link(path: string, to: string): void;
  /** Replaces the file that has the new name. */
  rename(path: string, to: string): void;
  remove(path: string): void;
  /** Makes a folder in an existing folder. Does nothing when it exists. */
  makeFolder(path: string): void;
  /** Writes the whole file system that holds `path` to the medium, the places outside of the journal included. */
  flush(path: string): void;
}

export interface FileFacts {
  /** Two names with the same value are names of one file. */
  readonly identity: string;
  readonly sizeBytes: number;
}

export const linuxMountedFiles: MountedFiles = {
  stat(path) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isFile()) throw new FileFault(path, "it is not a regular file");
    return { identity: `${stat.dev}:${stat.ino}`, sizeBytes: stat.size };
  },
  read: (path, offsetBytes, sizeBytes) =>
    withFile(path, "r", (file) => {
      forgetCached(file, offsetBytes, sizeBytes);
      return readAll({ file, path }, offsetBytes, sizeBytes);
    }),
  create: (path, bytes) => withFile(path, "wx", (file) => writeAll(file, 0, bytes)),
  write: (path, offsetBytes, bytes) =>
    withFile(path, "r+", (file) => {
      const { size } = fstatSync(file);
      if (offsetBytes + bytes.byteLength > size)
        throw new FileFault(path, `it has ${size} bytes, want ${offsetBytes + bytes.byteLength}`);
      writeAll(file, offsetBytes, bytes);
    }),
  link: linkSync,
  rename: renameSync,
  remove: unlinkSync,
  makeFolder: (path) => {
    mkdirSync(path, { recursive: true });
  },
  flush: (path) => withFile(path, "r", flushTwice),
};

/**
 * The first call commits the journal and then writes the metadata to its own places, where a boot loader looks. The
 * device may still hold those writes in its cache. The second call has nothing to commit, so the kernel flushes the
 * cache.
 */
function flushTwice(file: number): void {
  syncFileSystem(file);
  syncFileSystem(file);
}

function withFile<T>(path: string, flags: "r" | "r+" | "wx", use: (file: number) => T): T {
  const file = openSync(path, flags, 0o644);
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

function readAll(
  { file, path }: { readonly file: number; readonly path: string },
  offsetBytes: number,
  sizeBytes: number,
): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let done = 0; done < sizeBytes;) {
    const got = readSync(file, bytes, done, sizeBytes - done, offsetBytes + done);
    if (got === 0) throw new FileFault(path, `it ends at ${offsetBytes + done}`, "EIO");
    done += got;
  }
  return bytes;
}

function writeAll(file: number, offsetBytes: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength;)
    done += writeSync(file, bytes, done, bytes.byteLength - done, offsetBytes + done);
}
