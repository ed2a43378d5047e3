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

/** No file that is read whole (credentials, an index of images, configuration) has a reason to be larger. */
const WHOLE_BYTES_MAX = 16 * MiB;

/** An open file that is read at byte offsets. */
export interface RandomFile {
  readonly sizeBytes: number;
  /** Fills the whole of `target` or throws. */
  readInto(offsetBytes: number, target: Uint8Array): void;
  close(): void;
}

/**
 * Files as they are read by those who may not touch the machine themselves. Other failures than "not there" throw what node:fs
 * throws, or a FileFault.
 */
export interface Files {
  exists(path: string): boolean;
  /** Undefined when there is no such file. What is no regular file is refused, but for /dev/null, which is empty. */
  readText(path: string): string | undefined;
  /** Undefined when there is no such file. */
  readBytes(path: string): Uint8Array | undefined;
  /** Throws when there is no such file, or when it is not a regular file. */
  open(path: string): RandomFile;
  /** The names in a directory, sorted; none when there is no such directory. */
  list(path: string): readonly string[];
}

export const linuxFiles: Files = {
  exists: existsSync,
  readText(path) {
    const bytes = readWhole(path);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  },
  readBytes: readWhole,
  open: openFile,
  list: (path) => unlessMissing(() => readdirSync(path).toSorted()) ?? [],
};

/** Files of procfs and sysfs tell a size that is not theirs, so the size is only a reason to refuse. */
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

/** Before it is opened: to open a FIFO waits for a writer, and no signal ends that; to open a device may start something. */
function refuseOthers(path: string, stat: Stats): void {
  if (!stat.isFile()) throw new FileFault(path, `it is ${kindOf(stat)}, want a regular file`);
}

export function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return "a directory";
  if (stat.isFIFO()) return "a FIFO";
  if (stat.isSocket()) return "a socket";
  return stat.isBlockDevice() ? "a block device" : "a character device";
}

/** What a link to it masks is as good as empty. Device 1:3 of Linux. */
function isNull(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0x103;
}
