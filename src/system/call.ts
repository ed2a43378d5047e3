import { dlopen, FFIType, read } from "bun:ffi";
import { constants } from "node:os";
import { defined } from "../lib/assert.ts";
import { ARCH, type Syscall } from "./arch.ts";

const EINTR = 4;

const { symbols } = dlopen("libc.so.6", {
  syscall: { args: Array.from({ length: 7 }, () => FFIType.i64_fast), returns: FFIType.i64_fast },
  __errno_location: { args: [], returns: FFIType.ptr },
});

/** A failed system call. `errno` is the number from asm-generic/errno.h, `code` its name, as in errors of node:fs. */
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

/** Makes a system call, and makes it again when a signal has ended it. Throws SyscallError. */
export function call(name: Syscall, args: readonly number[]): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
  for (;;) {
    const result = Number(symbols.syscall(ARCH.syscalls[name], a, b, c, d, e, 0));
    if (result >= 0) return result;
    // Read errno before any other call of this thread can change it.
    // oxlint-disable-next-line no-underscore-dangle -- The C library's name.
    const errno = read.i32(defined(symbols.__errno_location(), "errno"), 0);
    if (errno !== EINTR) throw new SyscallError(name, errno);
  }
}
