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
import { dirname } from "node:path";
import { flushFolder } from "./flush-folder.ts";

/** Writes a whole file with that mode, folders included: after a cut there is the old one or the new one. */
export function replaceFile(path: string, text: string, mode: number): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const next = `${path}.new-${process.pid}`;
  try {
    const file = openSync(next, "wx", mode);
    try {
      fchmodSync(file, mode); // Whatever the umask takes away.
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  flushFolder(folder);
}

/** Makes a symbolic link, folders included, in place of what is there. */
export function replaceLink(path: string, target: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const next = `${path}.new-${process.pid}`;
  symlinkSync(target, next);
  renameSync(next, path);
  flushFolder(folder);
}
