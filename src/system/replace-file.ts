import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { flushFolder } from "./flush-folder.ts";

/**
 * Writes a whole file with this mode, and makes its folders. After a power cut the path has the old or the new content.
 */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  replace(path, (next) => {
    const file = openSync(next, "wx", mode);
    try {
      fchmodSync(file, mode); // The umask may have removed bits.
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
}

/** Makes a symbolic link and its folders, and replaces an existing file or link. */
export function replaceLink(path: string, target: string): void {
  replace(path, (next) => symlinkSync(target, next));
}

/**
 * Calls `make` with a path beside the old file, then renames the new file to the old path. Leaves nothing behind after
 * a failure.
 */
function replace(path: string, make: (next: string) => void): void {
  const folder = dirname(resolve(path));
  makeFolders(folder);
  const next = `${path}.new-${process.pid}`;
  try {
    make(next);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  flushFolder(folder);
}

/**
 * Makes a folder and its parents, and flushes each parent: a folder whose name is not durable is lost with its content.
 */
function makeFolders(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    flushFolder(dirname(made));
    if (made === resolve(first)) return;
  }
}
