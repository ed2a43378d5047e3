import { type FileCalls, linuxFileCalls } from "./file-calls.ts";

/** Makes durable which names are in a folder: a file that was flushed itself can still lose its name. */
export function flushFolder(
  path: string,
  calls: Pick<FileCalls, "open" | "flush" | "close"> = linuxFileCalls,
): void {
  const folder = calls.open(path, "r");
  try {
    calls.flush(folder);
  } finally {
    calls.close(folder);
  }
}
