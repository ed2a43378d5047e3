import { closeSync, constants, openSync, readSync } from "node:fs";
import { errnoOf } from "./failure.ts";

/** The longest record of the kernel: CONSOLE_EXT_LOG_MAX. */
const RECORD_BYTES_MAX = 8192;
/** More than any kernel stores. The limit ends the loop when the log grows as fast as it is read. */
const RECORDS_MAX = 200_000;
const NODE = "/dev/kmsg";

/** Returns the kernel's stored messages, one line each: "[    5.140900] text". Throws the errors of node:fs. */
export function readKernelLog(path: string = NODE): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return [...recordsOf(file)].flatMap((record) => linesOf(record)).join("\n");
  } finally {
    closeSync(file);
  }
}

/** Reads the records. Each read(2) returns one record. */
function* recordsOf(file: number): Generator<string> {
  const buffer = Buffer.alloc(RECORD_BYTES_MAX);
  for (let count = 0; count < RECORDS_MAX; count += 1) {
    const got = readRecord(file, buffer);
    if (got === 0) return;
    if (got !== "overwritten") yield buffer.toString("utf8", 0, got);
  }
}

/** Returns the size of the record. 0 when there are no more records. */
function readRecord(file: number, buffer: Buffer): number | "overwritten" {
  try {
    return readSync(file, buffer);
  } catch (error) {
    // The kernel has overwritten the record. The next read returns the oldest stored record.
    if (errnoOf(error) === "EPIPE") return "overwritten";
    if (errnoOf(error) === "EAGAIN") return 0;
    throw error;
  }
}

/**
 * Documentation/ABI/testing/dev-kmsg: "priority,sequence,microseconds,flags;text", then lines " KEY=value" about the
 * device.
 */
function linesOf(record: string): string[] {
  return record.split("\n").flatMap((line) => {
    const [, microseconds, text] = /^\d+,\d+,(\d+),[^;]*;(.*)$/.exec(line) ?? [];
    if (microseconds === undefined || text === undefined) return [];
    return [`[${(Number(microseconds) / 1e6).toFixed(6).padStart(12)}] ${text}`];
  });
}
