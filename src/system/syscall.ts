import { ptr } from "bun:ffi";
import { defined } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { reasonOf } from "../lib/error.ts";
import { alignUp, MiB } from "../lib/units.ts";
import { call, SyscallError } from "./call.ts";
import { hintRefused } from "./hint.ts";

const ERRNO = { enxio: 6, eagain: 11, enametoolong: 36 } as const;
const SEEK_END = 2;
const SEEK = { data: 3, hole: 4 } as const;
const POSIX_FADV_DONTNEED = 4;
/** The largest page of the page cache. The kernel drops a page only when the range covers all of it. */
const PAGE_BYTES_MAX = 2 * MiB;
const SYNC_FILE_RANGE_WRITE = 2;
const STATX_BASIC_STATS = 0x7ff;
/** linux/fcntl.h */
const AT = { symlinkNoFollow: 0x100, noAutomount: 0x800, emptyPath: 0x1000 } as const;
/** PATH_MAX of Linux, which counts the NUL. */
const PATH_BYTES_MAX = 4096;
const MADV_HUGEPAGE = 14;
/** BLKSSZGET of linux/fs.h. */
const GET_SECTOR_BYTES = 0x1268;
const LOCK_EX_NB = 2 | 4;
/** LINUX_REBOOT_MAGIC1, MAGIC2 and CMD_RESTART of linux/reboot.h. */
const REBOOT = { magic1: 0xfee1dead, magic2: 672274793, restart: 0x01234567 } as const;
/** What Bun ignores: SIGPIPE and SIGXFSZ of asm-generic/signal.h. */
const IGNORED_SIGNALS = [13, 25];
/** struct sigaction of the kernel; all zeros is SIG_DFL. */
const SIGACTION_BYTES = 32;
const SIGSET_BYTES = 8;

/** Returns the size in bytes of the open file or block device. */
export function sizeOf(fd: number): number {
  return call("lseek", [fd, 0, SEEK_END]);
}

/** Returns the logical sector size in bytes of the open block device. */
export function sectorBytesOf(fd: number): number {
  return ioctlInt(fd, GET_SECTOR_BYTES, 0);
}

/**
 * Drops clean pages of the range from the page cache. Dirty pages stay, so flush first. Some file systems, such as
 * FUSE, refuse.
 */
export function forgetCached(fd: number, offsetBytes: number, sizeBytes: number): void {
  const start = Math.floor(offsetBytes / PAGE_BYTES_MAX) * PAGE_BYTES_MAX;
  const end = alignUp(offsetBytes + sizeBytes, PAGE_BYTES_MAX);
  hint("drop what the page cache holds", () =>
    call("fadvise64", [fd, start, end - start, POSIX_FADV_DONTNEED]),
  );
}

/** Starts to write the dirty pages of the range and does not wait. The next flush reports errors of these writes. */
export function startWriteOut(fd: number, offsetBytes: number, sizeBytes: number): void {
  hint("begin to write out", () =>
    call("syncFileRange", [fd, offsetBytes, sizeBytes, SYNC_FILE_RANGE_WRITE]),
  );
}

/**
 * Asks for huge pages for `memory`, which must start on a page and must not have been used yet. A kernel without huge
 * pages refuses, which does no harm.
 */
export function preferHugePages(memory: Uint8Array): void {
  hint("use huge pages", () => call("madvise", [ptr(memory), memory.byteLength, MADV_HUGEPAGE]));
}

/**
 * Tries to take the exclusive flock(2) on the file of `fd`. Returns whether `fd` has it. The kernel releases it when
 * the process ends.
 */
export function tryLock(fd: number): boolean {
  try {
    call("flock", [fd, LOCK_EX_NB]);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.errno === ERRNO.eagain) return false;
    throw error;
  }
}

/**
 * Makes the kernel end this process with SIGALRM after so many seconds, even when the process hangs. 0 cancels it. See
 * alarm(2).
 */
export function endAfter(seconds: number): void {
  call("alarm", [seconds]);
}

/**
 * Replaces this process with another program: see execve(2). Returns only by throwing. The runtime ignores signals that
 * a program expects at their default, and an ignored signal stays ignored, so they are reset before.
 */
export function execute(
  path: string,
  { words, environment }: { words: readonly string[]; environment: readonly string[] },
): never {
  for (const signal of IGNORED_SIGNALS)
    call("rtSigaction", [signal, ptr(new Uint8Array(SIGACTION_BYTES)), 0, SIGSET_BYTES]);
  const [file, argv, envp] = [bytesOf(path), pointersTo(words), pointersTo(environment)];
  call("execve", [ptr(file), ptr(argv.table), ptr(envp.table)]);
  throw new Error("Assertion failed: execve returned");
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** A table of pointers that ends with zero, and the strings, which must not be freed before the call. */
function pointersTo(texts: readonly string[]): { table: BigUint64Array; strings: Uint8Array[] } {
  const strings = texts.map(bytesOf);
  const table = BigUint64Array.from([...strings.map((bytes) => BigInt(ptr(bytes))), 0n]);
  return { table, strings };
}

/** sync(2): writes the dirty pages of all file systems and waits. */
export function sync(): void {
  call("sync", []);
}

/** syncfs(2): writes the dirty pages of the file system that holds the open file, and waits. */
export function syncFileSystem(fd: number): void {
  call("syncfs", [fd]);
}

/** Restarts the machine at once, without stopping services or flushing: call sync() first. */
export function restart(): void {
  call("reboot", [REBOOT.magic1, REBOOT.magic2, REBOOT.restart, 0]);
}

/** Makes a queue for at most `lengthMax` requests of linux/aio_abi.h. See io_setup(2). */
export function makeQueue(lengthMax: number): number {
  const place = new BigUint64Array(1);
  call("ioSetup", [lengthMax, ptr(place)]);
  return Number(defined(place[0], "the queue"));
}

/** Waits for all requests in flight and frees the queue. See io_destroy(2). */
export function destroyQueue(queue: number): void {
  call("ioDestroy", [queue]);
}

/** Starts the request whose address is in `requests`. See io_submit(2). */
export function submitTo(queue: number, requests: BigUint64Array): void {
  call("ioSubmit", [queue, 1, ptr(requests)]);
}

/**
 * Waits for at least `min` events. Returns the number of events in `events`, which has room for them. See
 * io_getevents(2).
 */
export function waitFor(
  queue: number,
  events: DataView,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  return call("ioGetevents", [queue, min, max, ptr(events)]);
}

/** Calls ioctl(2) for a request that takes the address of an int. Returns the value of that int afterwards. */
export function ioctlInt(fd: number, request: number, value: number): number {
  const place = Int32Array.of(value);
  call("ioctl", [fd, request, ptr(place)]);
  return defined(place[0], "the int");
}

/** Opens `name` in the open directory `folder`. Returns the descriptor. See openat(2). */
export function openAt(folder: number, name: ByteString, flags: number): number {
  return call("openat", [folder, FIRST_TEXT.put(name), flags, 0]);
}

/** Fills `target` with the struct statx of `name` in an open directory; of the descriptor itself for "". See statx(2). */
export function statAt(fd: number, name: ByteString, target: Uint8Array): void {
  const flags = AT.symlinkNoFollow + AT.noAutomount + (name === "" ? AT.emptyPath : 0);
  call("statx", [fd, FIRST_TEXT.put(name), flags, STATX_BASIC_STATS, ptr(target)]);
}

/** Puts the target of the symbolic link `name` into `target`. Returns its length. See readlinkat(2). */
export function readLinkAt(folder: number, name: ByteString, target: Uint8Array): number {
  return call("readlinkat", [folder, FIRST_TEXT.put(name), ptr(target), target.byteLength]);
}

/** Fills `target` with the next entries of the open directory. Returns their length; 0 at the end. See getdents(2). */
export function readEntries(folder: number, target: Uint8Array): number {
  return call("getdents64", [folder, ptr(target), target.byteLength]);
}

/** Puts the names of the extended attributes of `path` into `target`. Follows no symbolic link. See listxattr(2). */
export function listXattrs(path: ByteString, target: Uint8Array): number {
  return call("llistxattr", [FIRST_TEXT.put(path), ptr(target), target.byteLength]);
}

/** Puts the value of an extended attribute into `target`. Follows no symbolic link. See getxattr(2). */
export function readXattr(path: ByteString, name: ByteString, target: Uint8Array): number {
  const place = SECOND_TEXT.put(name);
  return call("lgetxattr", [FIRST_TEXT.put(path), place, ptr(target), target.byteLength]);
}

/** Returns the offset of the first data, or of the first hole, from `offsetBytes` on. Undefined when there is none. */
export function seekTo(fd: number, what: "data" | "hole", offsetBytes: number): number | undefined {
  try {
    return call("lseek", [fd, offsetBytes, SEEK[what]]);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === ERRNO.enxio) return undefined;
    throw error;
  }
}

/** Memory for one text that a system call takes. It lives as long as this thread, so no collection can free it. */
class TextPlace {
  readonly #bytes = Buffer.alloc(PATH_BYTES_MAX);
  readonly #address = ptr(this.#bytes);

  /** Puts `text` there with a NUL at its end. Returns the address. */
  put(text: ByteString): number {
    if (text.length >= PATH_BYTES_MAX) throw new SyscallError("a path", ERRNO.enametoolong);
    this.#bytes.write(text, 0, "latin1");
    this.#bytes[text.length] = 0;
    return this.#address;
  }
}

const FIRST_TEXT = new TextPlace();
const SECOND_TEXT = new TextPlace();

/** Makes a call whose failure does no harm. */
function hint(what: string, action: () => number): void {
  try {
    action();
  } catch (error) {
    hintRefused(`The kernel does not ${what}: ${reasonOf(error)}`);
  }
}
