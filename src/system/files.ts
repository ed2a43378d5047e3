import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";

import { MiB } from "../lib/units.ts";
import { errnoOf, FileFault } from "./failure.ts";

/** More than any file that is read in one piece needs: credentials, an index of images, configuration. */
const WHOLE_BYTES_MAX = 16 * MiB;

/** What kind() says of a directory. */
export const DIRECTORY = "a directory";

/** An open file, read at byte offsets. */
export interface RandomFile {
  readonly sizeBytes: number;
  /** Fills all of `target` or throws. */
  readInto(offsetBytes: number, target: Uint8Array): void;
  close(): void;
}

/**
 * Reads files for code outside of src/system, which may not use node:fs. A missing file is no error unless a method
 * says so. Other failures throw an error of node:fs or a FileFault.
 */
export interface Files {
  exists(path: string): boolean;
  /** "a file", "a directory", "a FIFO". Undefined when there is nothing. */
  kind(path: string): string | undefined;
  /**
   * Undefined when there is no such file. Refuses everything but regular files and /dev/null, which counts as empty.
   */
  readText(path: string): string | undefined;
  /** Undefined when there is no such file. */
  readBytes(path: string): Uint8Array | undefined;
  /** Throws when there is no such file, or when it is not a regular file. */
  open(path: string): RandomFile;
  /** The sorted names in a directory. Empty when there is no such directory. */
  list(path: string): readonly string[];
}

export const linuxFiles: Files = {
  exists: existsSync,
  kind: (path) => (existsSync(path) ? kindOf(statSync(path)) : undefined),
  readText(path) {
    const bytes = readWhole(path);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  },
  readBytes: readWhole,
  open: openFile,
  list: (path) => unlessMissing(() => readdirSync(path).toSorted()) ?? [],
};

/** The size in stat(2) is wrong for files of procfs and sysfs, so it only serves to refuse a file early. */
function readWhole(path: string): Uint8Array | undefined {
  return unlessMissing(() => {
    const stat = statSync(path);
    if (!isNull(stat)) refuseOthers(path, stat);
    const bytes = stat.size > WHOLE_BYTES_MAX ? undefined : readFileSync(path);
    if (bytes === undefined || bytes.byteLength > WHOLE_BYTES_MAX)
      throw new FileFault(
        path,
        `it has ${bytes?.byteLength ?? stat.size} bytes, want at most ${WHOLE_BYTES_MAX}`,
        "EFBIG",
      );
    return bytes;
  });
}

function openFile(path: string): RandomFile {
  const stat = statSync(path);
  refuseOthers(path, stat);
  const descriptor = openSync(path, "r");
  return {
    sizeBytes: stat.size,
    readInto: (offsetBytes, target) => fill({ descriptor, path }, offsetBytes, target),
    close: () => closeSync(descriptor),
  };
}

function fill(
  file: { readonly descriptor: number; readonly path: string },
  offsetBytes: number,
  target: Uint8Array,
): void {
  let done = 0;
  while (done < target.byteLength) {
    const got = readSync(
      file.descriptor,
      target,
      done,
      target.byteLength - done,
      offsetBytes + done,
    );
    if (got === 0)
      throw new FileFault(
        file.path,
        `it ends at ${offsetBytes + done}, want ${target.byteLength} bytes at ${offsetBytes}`,
        "EIO",
      );
    done += got;
  }
}

function unlessMissing<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/**
 * Checks before the file is opened: opening a FIFO waits for a writer and no signal ends the wait; opening a device may
 * start it.
 */
function refuseOthers(path: string, stat: Stats): void {
  if (!stat.isFile()) throw new FileFault(path, `it is ${kindOf(stat)}, want a regular file`);
}

export function kindOf(stat: Stats): string {
  if (stat.isFile()) return "a file";
  if (stat.isDirectory()) return DIRECTORY;
  if (stat.isFIFO()) return "a FIFO";
  if (stat.isSocket()) return "a socket";
  return stat.isBlockDevice() ? "a block device" : "a character device";
}

/**
 * Whether it is /dev/null, device 1:3. A symbolic link to /dev/null masks a configuration file, which then counts as
 * empty.
 */
function isNull(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0x103;
}
