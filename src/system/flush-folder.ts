import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes durable which names are in a folder: a file that was flushed itself can still lose its name. */
export function flushFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
