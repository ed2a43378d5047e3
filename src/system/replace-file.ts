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

/** Writes a whole file with that mode, folders included: after a cut there is the old one or the new one. */
export function replaceFile(path: string, text: string, mode: number): void {
  replace(path, (next) => {
    const file = openSync(next, "wx", mode);
    try {
      fchmodSync(file, mode); // Whatever the umask takes away.
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
}

/** Makes a symbolic link, folders included, in place of what is there. */
export function replaceLink(path: string, target: string): void {
  replace(path, (next) => symlinkSync(target, next));
}

/** `make` makes what is new beside the old one. Nothing of it is left when that fails. */
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

/** A folder whose name is not durable loses all that is in it. */
function makeFolders(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    flushFolder(dirname(made));
    if (made === resolve(first)) return;
  }
}
