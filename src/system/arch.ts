/** A processor architecture that tandem runs on. */
export interface Arch {
  /** The name in OCI platforms and Debian packages. */
  readonly ociName: string;
  /** The numbers of the system calls that syscall.ts makes. */
  readonly syscalls: Readonly<Record<Syscall, number>>;
}

export type Syscall =
  | "lseek"
  | "rtSigaction"
  | "ioctl"
  | "madvise"
  | "alarm"
  | "execve"
  | "flock"
  | "sync"
  | "reboot"
  | "ioSetup"
  | "ioDestroy"
  | "ioGetevents"
  | "ioSubmit"
  | "fadvise64"
  | "syncFileRange"
  | "syncfs"
  | "getdents64"
  | "lgetxattr"
  | "llistxattr"
  | "openat"
  | "readlinkat"
  | "statx"
  | "mount"
  | "umount2"
  | "fallocate";

/** The keys are the runtime's names (process.arch). To support another architecture, add a row. */
const ARCHES: Readonly<Record<string, Arch>> = {
  x64: {
    ociName: "amd64",
    // asm/unistd_64.h
    syscalls: {
      lseek: 8,
      rtSigaction: 13,
      ioctl: 16,
      madvise: 28,
      alarm: 37,
      execve: 59,
      flock: 73,
      sync: 162,
      mount: 165,
      umount2: 166,
      reboot: 169,
      lgetxattr: 192,
      llistxattr: 195,
      ioSetup: 206,
      ioDestroy: 207,
      ioGetevents: 208,
      ioSubmit: 209,
      getdents64: 217,
      fadvise64: 221,
      openat: 257,
      readlinkat: 267,
      syncFileRange: 277,
      fallocate: 285,
      syncfs: 306,
      statx: 332,
    },
  },
};

/**
 * Returns the architecture with the runtime's name `name`. Throws a plain Error for one that tandem does not support.
 */
export function archOf(name: string): Arch {
  const arch = ARCHES[name];
  if (arch === undefined) throw new Error(`Cannot run on ${name}: its system calls are not known`);
  return arch;
}

/** The architecture of this machine. */
export const ARCH: Arch = archOf(process.arch);
