import { type FileCalls, linuxFileCalls } from "./file-calls.ts";

/** Makes the names in a folder durable: a flushed file can still lose its name in a power cut. */
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
