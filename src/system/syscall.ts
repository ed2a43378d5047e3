import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { constants } from "node:os";
import { defined } from "../lib/assert.ts";
import { reasonOf } from "../lib/error.ts";
import { alignUp, MiB } from "../lib/units.ts";
import { ARCH, type Syscall } from "./arch.ts";
import { hintRefused } from "./hint.ts";

const ERRNO = { eintr: 4, eagain: 11 } as const;
const SEEK_END = 2;
const POSIX_FADV_DONTNEED = 4;
/** Of the page cache. A page is dropped only when all of it is asked for. */
const PAGE_BYTES_MAX = 2 * MiB;
const SYNC_FILE_RANGE_WRITE = 2;
const MADV_HUGEPAGE = 14;
/** BLKSSZGET of linux/fs.h. */
const GET_SECTOR_BYTES = 0x1268;
const LOCK_EX_NB = 2 | 4;
/** LINUX_REBOOT_MAGIC1, MAGIC2 and CMD_RESTART of linux/reboot.h. */
const REBOOT = { magic1: 0xfee1dead, magic2: 672274793, restart: 0x01234567 } as const;

const { symbols } = dlopen("libc.so.6", {
  syscall: { args: Array.from({ length: 7 }, () => FFIType.i64_fast), returns: FFIType.i64_fast },
  __errno_location: { args: [], returns: FFIType.ptr },
});

/** A failed system call. `errno` as in asm-generic/errno.h, `code` its name, as errors of node:fs have it. */
export class SyscallError extends Error {
  readonly errno: number;
  readonly code: string;

  constructor(name: string, errno: number) {
    const code = errnoName(errno);
    super(`${code}: ${name} failed`);
    this.name = "SyscallError";
    this.errno = errno;
    this.code = code;
  }
}

function errnoName(errno: number): string {
  const known = Object.entries(constants.errno).find(([, value]) => value === errno);
  return known?.[0] ?? `E${errno}`;
}

/** The size of what `fd` has open, block devices included, in bytes. */
export function sizeOf(fd: number): number {
  return call("lseek", [fd, 0, SEEK_END]);
}

/** The logical sector of the block device that `fd` has open, in bytes. */
export function sectorBytesOf(fd: number): number {
  return ioctlInt(fd, GET_SECTOR_BYTES, 0);
}

/** Drops clean pages of the range from the page cache; dirty ones stay, so flush first. Some file systems refuse, such as FUSE. */
export function forgetCached(fd: number, offsetBytes: number, sizeBytes: number): void {
  const start = Math.floor(offsetBytes / PAGE_BYTES_MAX) * PAGE_BYTES_MAX;
  const end = alignUp(offsetBytes + sizeBytes, PAGE_BYTES_MAX);
  hint("drop what the page cache holds", () =>
    call("fadvise64", [fd, start, end - start, POSIX_FADV_DONTNEED]),
  );
}

/** Has the dirty pages of the range written, without waiting for it. An error in that comes out of the next flush, so none here. */
export function startWriteOut(fd: number, offsetBytes: number, sizeBytes: number): void {
  hint("begin to write out", () =>
    call("syncFileRange", [fd, offsetBytes, sizeBytes, SYNC_FILE_RANGE_WRITE]),
  );
}

/** Asks for huge pages behind memory that was not touched yet and begins on a page. A kernel without them says no, which changes nothing. */
export function preferHugePages(memory: Uint8Array): void {
  hint("use huge pages", () => call("madvise", [ptr(memory), memory.byteLength, MADV_HUGEPAGE]));
}

/** Whether `fd` now holds the only flock(2) on its file. The lock ends with the process, however that ends. */
export function tryLock(fd: number): boolean {
  try {
    call("flock", [fd, LOCK_EX_NB]);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.errno === ERRNO.eagain) return false;
    throw error;
  }
}

/** Has the kernel end this process by SIGALRM after so many seconds, whatever it does then; 0: not any more. See alarm(2). */
export function endAfter(seconds: number): void {
  call("alarm", [seconds]);
}

/** Writes what any program has left in the page cache of any file system, and waits for it. */
export function sync(): void {
  call("sync", []);
}

/** Restarts the machine at once, without telling anybody: what has to be on a disk must be flushed before. */
export function restart(): void {
  call("reboot", [REBOOT.magic1, REBOOT.magic2, REBOOT.restart, 0]);
}

/** Makes a queue for requests of linux/aio_abi.h, at most `lengthMax` at a time. */
export function makeQueue(lengthMax: number): number {
  const place = new BigUint64Array(1);
  call("ioSetup", [lengthMax, ptr(place)]);
  return Number(defined(place[0], "the queue"));
}

/** Waits for all that is under way. */
export function destroyQueue(queue: number): void {
  call("ioDestroy", [queue]);
}

/** Begins the request whose address is in `requests`. */
export function submitTo(queue: number, requests: BigUint64Array): void {
  call("ioSubmit", [queue, 1, ptr(requests)]);
}

/** Waits for one event at least, and returns how many there are now in `events`, which has room for `max`. */
export function waitFor(queue: number, events: DataView, max: number): number {
  return call("ioGetevents", [queue, 1, max, ptr(events)]);
}

/** ioctl(2) of a request that takes the address of an int. Returns what the driver left in it. */
export function ioctlInt(fd: number, request: number, value: number): number {
  const place = Int32Array.of(value);
  call("ioctl", [fd, request, ptr(place)]);
  return defined(place[0], "the int");
}

/** A call that may fail without harm. */
function hint(what: string, action: () => number): void {
  try {
    action();
  } catch (error) {
    hintRefused(`The kernel does not ${what}: ${reasonOf(error)}`);
  }
}

function call(name: Syscall, args: readonly number[]): number {
  const [a = 0, b = 0, c = 0, d = 0] = args;
  for (;;) {
    const result = Number(symbols.syscall(ARCH.syscalls[name], a, b, c, d, 0, 0));
    if (result >= 0) return result;
    // errno belongs to the thread and the next call of any kind may change it: read it at once.
    // oxlint-disable-next-line no-underscore-dangle -- It is called so.
    const errno = read.i32(defined(symbols.__errno_location(), "errno"), 0);
    if (errno !== ERRNO.eintr) throw new SyscallError(name, errno);
  }
}
