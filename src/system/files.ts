import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from "node:fs";

import { MiB } from "../lib/units.ts";

/** No file that is read whole (credentials, an index of images, configuration) has a reason to be larger. */
const WHOLE_BYTES_MAX = 16 * MiB;

/** An open file that is read at byte offsets. */
export interface RandomFile {
  readonly sizeBytes: number;
  /** Fills the whole of `target` or throws. */
  readInto(offsetBytes: number, target: Uint8Array): void;
  close(): void;
}

/** Files as they are read by those who may not touch the machine themselves. Other failures than "not there" throw. */
export interface Files {
  exists(path: string): boolean;
  /** Undefined when there is no such file. */
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
    const { size } = statSync(path);
    const bytes = size > WHOLE_BYTES_MAX ? undefined : readFileSync(path);
    if (bytes === undefined || bytes.byteLength > WHOLE_BYTES_MAX)
      throw new RangeError(
        `Cannot read "${path}": it has ${bytes?.byteLength ?? size} bytes, want at most ${WHOLE_BYTES_MAX}`,
      );
    return bytes;
  });
}

function openFile(path: string): RandomFile {
  const descriptor = openSync(path, "r");
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) {
    closeSync(descriptor);
    throw new Error(`Cannot open "${path}": it is not a regular file`);
  }
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
      throw new RangeError(
        `Cannot read "${file.path}" at ${offsetBytes}+${target.byteLength}: it ends at ${offsetBytes + done}`,
      );
    done += got;
  }
}

function unlessMissing<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error && "code" in error && isMissing(error.code)) return undefined;
    throw error;
  }
}

function isMissing(code: unknown): boolean {
  return code === "ENOENT" || code === "ENOTDIR";
}
