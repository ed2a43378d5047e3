import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  read,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { promisify } from "node:util";
import { assert } from "../lib/assert.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import type { Access, BlockFile, ReadWay } from "./block-file.ts";
import { DirectReader } from "./direct-reader.ts";
import { FileFault, isFull, permissionHint } from "./failure.ts";
import { kindOf } from "./files.ts";
import { hintRefused } from "./hint.ts";
import { hold } from "./hold.ts";
import { forgetCached, sectorBytesOf, sizeOf, startWriteOut } from "./syscall.ts";
import { LinuxWriteQueue, type WriteQueue } from "./write-queue.ts";

/**
 * After a write of this size the kernel starts to write to the medium, so that the device is busy early and a flush is
 * short.
 */
const WRITE_OUT_BYTES_MIN = 256 * KiB;

const flushData = promisify(fdatasync);
const readSome = promisify(read);

/** Opens a block device or a plain file. Throws "disk" when it does not exist or cannot be opened with this access. */
export function openBlockFile(path: string, access: Access): BlockFile {
  const release = access.hold === true ? attemptHold(path) : undefined;
  let fd: number | undefined;
  try {
    fd = open(path, access.write ? "r+" : "r");
    return blockFile(fd, path, release);
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    release?.();
    throw error;
  }
}

function attemptHold(path: string): () => void {
  try {
    return hold(path);
  } catch (cause) {
    if (cause instanceof TandemError) throw cause;
    throw notOpened(path, " for writing", cause);
  }
}

/**
 * Makes a sparse plain file of `sizeBytes` zeros with mode 0600. Removes it again after a failure. Throws "disk" or
 * "no-space".
 */
export function createBlockFile(path: string, sizeBytes: number): BlockFile {
  const fd = open(path, "wx+");
  try {
    resize({ fd, path }, sizeBytes);
    return blockFile(fd, path);
  } catch (error) {
    closeSync(fd);
    rmSync(path);
    throw error;
  }
}

function resize({ fd, path }: Opened, sizeBytes: number): void {
  try {
    ftruncateSync(fd, sizeBytes);
  } catch (cause) {
    throw failed("resize", path, cause);
  }
}

function open(path: string, flags: "r" | "r+" | "wx+"): number {
  try {
    refuseOtherFiles(path);
    // The mode of a new file. An image may hold files that only root may read.
    return openSync(path, flags, 0o600);
  } catch (cause) {
    throw notOpened(path, flags === "r" ? " for reading" : " for writing", cause);
  }
}

function notOpened(path: string, purpose: string, cause: unknown): TandemError {
  const hint = permissionHint(cause);
  return new TandemError(
    "disk",
    `Cannot open ${path}${"hint" in hint ? purpose : ""}: ${reasonOf(cause)}`,
    { cause, ...hint },
  );
}

/** Checks before the file is opened: opening a FIFO waits for a writer, and no signal ends the wait. */
export function refuseOtherFiles(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile() && !stat.isBlockDevice())
    throw new FileFault(path, `it is ${kindOf(stat)}, want a block device or a plain file`);
}

function blockFile(fd: number, path: string, release?: () => void): BlockFile {
  const direct = new DirectReader(fd);
  const isDevice = fstatSync(fd).isBlockDevice();
  let currentBytes = measure({ fd, path }, sizeOf);
  const empty = (sizeBytes: number): void => {
    resize({ fd, path }, 0);
    resize({ fd, path }, sizeBytes);
    currentBytes = sizeBytes;
  };
  const cut = (sizeBytes: number): void => {
    assert(sizeBytes <= currentBytes, "a file is cut and not extended");
    resize({ fd, path }, sizeBytes);
    currentBytes = sizeBytes;
  };
  return {
    name: path,
    get sizeBytes() {
      return currentBytes;
    },
    sectorBytes: isDevice ? measure({ fd, path }, sectorBytesOf) : undefined,
    ...(isDevice ? {} : { empty, cut }),
    readInto: (offsetBytes, target) => readAll({ fd, path }, offsetBytes, target),
    read: (offsetBytes, target) => readAllLater({ fd, path, direct }, offsetBytes, target),
    write: (offsetBytes, bytes) => writeAll({ fd, path }, offsetBytes, bytes),
    openQueue: (lengthMax) => openQueue(path, lengthMax),
    flush: () => attemptLater("flush", path, () => flushData(fd)),
    dropCache: (offsetBytes, sizeBytes) => forgetCached(fd, offsetBytes, sizeBytes),
    close() {
      direct.close();
      closeSync(fd);
      release?.();
    },
  };
}

/** Opens the file again with O_DIRECT, so that nothing is copied to the page cache and written back from there. */
function openQueue(path: string, lengthMax: number): WriteQueue | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_WRONLY + constants.O_DIRECT);
    return new LinuxWriteQueue(fd, lengthMax);
  } catch (error) {
    hintRefused(`Writing to ${path} goes through the page cache: ${reasonOf(error)}`);
    if (fd !== undefined) closeSync(fd);
    return undefined;
  }
}

interface Opened {
  readonly fd: number;
  readonly path: string;
}

function measure<T>({ fd, path }: Opened, ask: (fd: number) => T): T {
  try {
    return ask(fd);
  } catch (cause) {
    throw failed("find the size of", path, cause);
  }
}

function readAll({ fd, path }: Opened, offsetBytes: number, target: Uint8Array): void {
  let done = 0;
  while (done < target.byteLength) {
    const got = attempt("read", path, () =>
      readSync(fd, target, done, target.byteLength - done, offsetBytes + done),
    );
    if (got === 0) throw endsAt(path, offsetBytes + done);
    done += got;
  }
}

async function readAllLater(
  { fd, path, direct }: Opened & { readonly direct: DirectReader },
  offsetBytes: number,
  target: Uint8Array,
): Promise<ReadWay> {
  let way: ReadWay = "direct";
  for (let done = 0; done < target.byteLength;) {
    const [at, rest] = [offsetBytes + done, target.subarray(done)];
    let got = await attemptLater("read", path, () => direct.read(at, rest));
    if (got === undefined) {
      way = "cached";
      const { bytesRead } = await attemptLater("read", path, () =>
        readSome(fd, rest, 0, rest.byteLength, at),
      );
      got = bytesRead;
    }
    if (got === 0) throw endsAt(path, at);
    done += got;
  }
  return way;
}

function endsAt(path: string, offsetBytes: number): TandemError {
  return new TandemError("disk", `Cannot read ${path} at byte ${offsetBytes}: it ends there`);
}

function writeAll({ fd, path }: Opened, offsetBytes: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.byteLength)
    done += attempt("write", path, () =>
      writeSync(fd, bytes, done, bytes.byteLength - done, offsetBytes + done),
    );
  if (done >= WRITE_OUT_BYTES_MIN) startWriteOut(fd, offsetBytes, done);
}

function attempt(verb: string, path: string, operation: () => number): number {
  try {
    return operation();
  } catch (cause) {
    throw failed(verb, path, cause);
  }
}

async function attemptLater<T>(
  verb: string,
  path: string,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    throw failed(verb, path, cause);
  }
}

function failed(verb: string, path: string, cause: unknown): TandemError {
  const code = isFull(cause) ? "no-space" : "disk";
  return new TandemError(code, `Cannot ${verb} ${path}: ${reasonOf(cause)}`, { cause });
}
