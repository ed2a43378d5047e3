import type { Injection } from "./strace.ts";

/** The system calls that tests make fail, and their errors, from the manual pages and from real file systems. */
export interface Call {
  readonly name: string;
  /** The injection in strace's form. */
  readonly kinds: readonly string[];
  /** The call has no path, so strace cannot filter it by files. Only tandem makes such calls. */
  readonly everywhere?: true;
  /** After this error data is lost, so status 0 would be wrong. An interrupted call may be repeated. */
  readonly fatal?: true;
  /** The call fails only once, because tandem repeats requests to a registry for longer than a trial may take. */
  readonly once?: boolean;
}

const error = (...names: readonly string[]): string[] => names.map((name) => `error=${name}`);
/**
 * A read that returns 0: the end of the file. strace cannot simulate partial reads and writes: see full-device.test.ts.
 */
const END = "retval=0";

export const CALLS: readonly Call[] = [
  { name: "pwrite64", kinds: error("ENOSPC", "EIO", "EINTR", "EDQUOT"), fatal: true },
  { name: "write", kinds: error("ENOSPC", "EIO", "EINTR") },
  { name: "fsync", kinds: error("EIO", "ENOSPC", "EINTR"), fatal: true },
  { name: "fdatasync", kinds: error("EIO", "ENOSPC", "EINTR"), fatal: true },
  { name: "pread64", kinds: [...error("EIO", "EINTR"), END] },
  { name: "read", kinds: [...error("EIO", "EINTR"), END] },
  { name: "openat", kinds: error("EIO", "EMFILE", "EACCES", "EINTR", "ENOMEM") },
  { name: "fstat", kinds: error("EIO", "ENOMEM") },
  { name: "newfstatat", kinds: error("EIO", "EACCES") },
  { name: "statx", kinds: error("EIO", "EACCES") },
  { name: "lseek", kinds: error("EIO", "EINVAL") },
  { name: "ioctl", kinds: error("EIO", "ENOTTY", "EPERM") },
  { name: "flock", kinds: error("ENOLCK", "EINTR", "EIO", "EOPNOTSUPP") },
  { name: "fadvise64", kinds: error("EIO", "EINVAL", "ENOSYS") },
  { name: "sync_file_range", kinds: error("EIO", "ENOSYS") },
  { name: "fallocate", kinds: error("ENOSPC", "EOPNOTSUPP") },
  { name: "ftruncate", kinds: error("ENOSPC", "EFBIG", "EIO", "EINTR"), fatal: true },
  { name: "unlink", kinds: error("EIO", "EPERM") },
  { name: "close", kinds: error("EIO", "ENOSPC") },
  { name: "getdents64", kinds: error("EIO") },
  { name: "readlink", kinds: error("EIO", "EACCES") },
  { name: "io_setup", kinds: error("EAGAIN", "ENOSYS", "ENOMEM"), everywhere: true },
  { name: "io_submit", kinds: error("EAGAIN", "EIO", "EINVAL"), everywhere: true },
  { name: "io_getevents", kinds: error("EINTR", "EIO"), everywhere: true },
  { name: "io_destroy", kinds: error("EINVAL"), everywhere: true },
];

/** The calls of a connection to a registry on loopback. */
export const NETWORK_CALLS: readonly Call[] = [
  network("socket", error("EMFILE", "ENOBUFS")),
  network("connect", error("ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")),
  network("sendto", error("ECONNRESET", "EPIPE", "EINTR")),
  network("recvfrom", [...error("ECONNRESET", "ETIMEDOUT", "EINTR"), END]),
];

function network(name: string, kinds: readonly string[]): Call {
  return { name, kinds, everywhere: true, once: true };
}

/**
 * Returns all injections for `count` calls: the nth call of a thread fails, or the nth and all following ones. Endless
 * interruptions of a call are left out, because they do not happen on real machines.
 */
export function injectionsOf({ name, kinds, once = false }: Call, count: number): Injection[] {
  const places = Array.from({ length: count }, (_, index) => `${index + 1}`);
  return kinds.flatMap((kind) => {
    const lasting = once || kind === "error=EINTR" ? [] : places.map((place) => `${place}+`);
    return [...places, ...lasting].map((when) => ({ call: name, kind, when }));
  });
}
