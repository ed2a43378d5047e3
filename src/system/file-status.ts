import { viewOf } from "../lib/view.ts";

export type FileKind = "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";

/** What statx(2) says of a file. */
export interface FileStatus {
  readonly kind: FileKind;
  /** The permission bits and set-user-ID, set-group-ID and sticky: 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
  readonly sizeBytes: number;
  /** The number of a device. */
  readonly major: number;
  readonly minor: number;
  readonly links: number;
  /** Two names with the same identity are one file. */
  readonly identity: string;
  /** The file system, as mountinfo names it: "8:2". */
  readonly fileSystem: string;
  /** Whether another file system is mounted here. Undefined: the kernel (before 5.8) does not say. */
  readonly isMountPoint: boolean | undefined;
  /** Two equal versions of a file: nobody has changed its content or its attributes in between. */
  readonly version: string;
}

/** struct statx of linux/stat.h. */
export const STATX_BYTES = 256;
const AT = {
  attributes: 0x08,
  links: 0x10,
  uid: 0x14,
  gid: 0x18,
  mode: 0x1c,
  inode: 0x20,
  sizeBytes: 0x28,
  attributesMask: 0x38,
  ctime: 0x60,
  mtime: 0x70,
  major: 0x80,
  minor: 0x84,
  deviceMajor: 0x88,
  deviceMinor: 0x8c,
} as const;
const TIME_NANOSECONDS = 8;
const ATTRIBUTE_MOUNT_ROOT = 0x2000n;
const KIND_MASK = 0o170_000;
const KINDS: ReadonlyMap<number, FileKind> = new Map([
  [0o100_000, "file"],
  [0o040_000, "directory"],
  [0o120_000, "symlink"],
  [0o020_000, "character"],
  [0o060_000, "block"],
  [0o010_000, "fifo"],
  [0o140_000, "socket"],
]);

/** Decodes a struct statx. */
export function parseStatx(bytes: Uint8Array): FileStatus {
  const view = viewOf(bytes);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): bigint => view.getBigUint64(at, true);
  const mode = view.getUint16(AT.mode, true);
  const fileSystem = `${u32(AT.deviceMajor)}:${u32(AT.deviceMinor)}`;
  const identity = `${fileSystem}:${u64(AT.inode)}`;
  const time = (at: number): { seconds: number; nanoseconds: number } => ({
    seconds: Number(view.getBigInt64(at, true)),
    nanoseconds: u32(at + TIME_NANOSECONDS),
  });
  const [mtime, ctime] = [time(AT.mtime), time(AT.ctime)];
  const sizeBytes = Number(u64(AT.sizeBytes));
  const isKnown = (u64(AT.attributesMask) & ATTRIBUTE_MOUNT_ROOT) !== 0n;
  return {
    kind: KINDS.get(mode & KIND_MASK) ?? "socket",
    mode: mode & 0o7777,
    uid: u32(AT.uid),
    gid: u32(AT.gid),
    mtime,
    sizeBytes,
    major: u32(AT.major),
    minor: u32(AT.minor),
    links: u32(AT.links),
    identity,
    fileSystem,
    isMountPoint: isKnown ? (u64(AT.attributes) & ATTRIBUTE_MOUNT_ROOT) !== 0n : undefined,
    version: [
      identity,
      mode,
      sizeBytes,
      mtime.seconds,
      mtime.nanoseconds,
      ctime.seconds,
      ctime.nanoseconds,
    ].join(" "),
  };
}
