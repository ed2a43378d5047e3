import type { Injection } from "./strace.ts";

/** The system calls that are made to fail, and how each of them can. Errors as in the manual pages, and as real file systems give them. */
export interface Call {
  readonly name: string;
  /** As strace writes them. */
  readonly kinds: readonly string[];
  /** It has no file: strace cannot tell tandem's from others by a path, and nobody else makes it. */
  readonly everywhere?: true;
  /** Who goes on after that has lost what was to be written: status 0 would be a lie. An interrupted call may be made again. */
  readonly fatal?: true;
  /** It fails once. What a registry refuses for ever is tried again for longer than a trial may take. */
  readonly once?: boolean;
}

const error = (...names: readonly string[]): string[] => names.map((name) => `error=${name}`);
/** A read that ends early: the end of the file. What a call that is short leaves undone cannot be told to strace: see full-device.test.ts. */
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

/** Of a connection to a registry on loopback. */
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
 * All that can be done to `count` calls: the n-th of a thread fails, or the n-th and those that follow. A call that is interrupted
 * again and again is no fault that a machine has.
 */
export function injectionsOf({ name, kinds, once = false }: Call, count: number): Injection[] {
  const places = Array.from({ length: count }, (_, index) => `${index + 1}`);
  return kinds.flatMap((kind) => {
    const lasting = once || kind === "error=EINTR" ? [] : places.map((place) => `${place}+`);
    return [...places, ...lasting].map((when) => ({ call: name, kind, when }));
  });
}
