import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { reasonOf, TandemError } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import { call } from "./call.ts";
import { errnoOf, isFull, permissionHint } from "./failure.ts";

/**
 * Makes a plain file of zeros, with mode 0600, all of whose blocks are reserved: later writes into it never find the
 * file system full. Throws "no-space", and "disk", also when `path` exists; then it leaves no new file.
 */
export function allocate(path: string, sizeBytes: number): void {
  try {
    refuseShort(path, sizeBytes);
    const fd = openSync(path, "wx", 0o600);
    try {
      fill(fd, sizeBytes);
      fsyncSync(fd);
    } catch (error) {
      rmSync(path);
      throw error;
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof TandemError) throw cause;
    if (isFull(cause)) throw noSpace(path, sizeBytes, cause);
    throw new TandemError("disk", `Cannot make ${path}: ${reasonOf(cause)}`, {
      cause,
      ...permissionHint(cause),
    });
  }
}

/** See fallocate(2). File systems without extents, such as ext3, refuse it: zeros reserve blocks everywhere. */
function fill(fd: number, sizeBytes: number): void {
  try {
    call("fallocate", [fd, 0, 0, sizeBytes]);
  } catch (error) {
    if (errnoOf(error) !== "ENOTSUP") throw error;
    writeZeros(fd, sizeBytes);
  }
}

function writeZeros(fd: number, sizeBytes: number): void {
  const zeros = new Uint8Array(MiB);
  for (let done = 0; done < sizeBytes;)
    done += writeSync(fd, zeros, 0, Math.min(zeros.byteLength, sizeBytes - done), done);
}

/** Before the first block is reserved: a file system that is full for a moment makes other programs fail. */
function refuseShort(path: string, sizeBytes: number): void {
  if (freeBytesAt(path) < sizeBytes) throw noSpace(path, sizeBytes);
}

/** With the blocks that only root may use. */
function freeBytesAt(path: string): number {
  const { bfree, bsize } = statfsSync(dirname(path));
  return bfree * bsize;
}

function noSpace(path: string, sizeBytes: number, cause?: unknown): TandemError {
  const have = freeBytesAt(path);
  return new TandemError(
    "no-space",
    `Cannot make ${path}: needs ${sizeBytes} bytes, its file system has ${have} free`,
    { cause },
  );
}
