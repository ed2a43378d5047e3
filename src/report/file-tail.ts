import { reasonOf, TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import { machineFailure } from "../system/failure.ts";
import type { System } from "../system/system.ts";

/** The end of a log matters more than its start. */
const TAIL_BYTES_MAX = 512 * KiB;
const LINE_FEED = 0x0a;

/**
 * The last lines of a file of any size. It begins with a whole line, because the rest of a secret that the cut divides would
 * not be recognized. Throws `disk`.
 */
export function tailOf({ files }: Pick<System, "files">, path: string): string {
  try {
    const file = files.open(path);
    try {
      const offsetBytes = Math.max(0, file.sizeBytes - TAIL_BYTES_MAX);
      const bytes = new Uint8Array(file.sizeBytes - offsetBytes);
      file.readInto(offsetBytes, bytes);
      return offsetBytes === 0 ? decode(bytes) : wholeLines(bytes, offsetBytes);
    } finally {
      file.close();
    }
  } catch (cause) {
    if (cause instanceof TandemError) throw cause;
    throw new TandemError(
      "disk",
      `Cannot read ${path}: ${reasonOf(machineFailure(cause) ?? cause)}`,
      {
        cause,
      },
    );
  }
}

function wholeLines(bytes: Uint8Array, offsetBytes: number): string {
  const start = bytes.indexOf(LINE_FEED) + 1;
  return `(${offsetBytes + start} bytes before this are left out)\n${decode(bytes.subarray(start))}`;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
