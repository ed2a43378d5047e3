import { closeSync, constants, existsSync, openSync, readSync } from "node:fs";
import { type ByteString, byteString, byteStringOf } from "../lib/byte-string.ts";
import { KiB } from "../lib/units.ts";
import { viewOf } from "../lib/view.ts";
import { errnoOf, FileFault } from "./failure.ts";
import { type FileStatus, parseStatx, STATX_BYTES } from "./file-status.ts";
import {
  listXattrs,
  openAt,
  readEntries,
  readLinkAt,
  readXattr,
  seekTo,
  statAt,
} from "./syscall.ts";

/**
 * A directory that is open. Each call takes one name in it and follows no symbolic link, so nothing leads out of the
 * directory, whatever changes meanwhile. Errors are those of node:fs, or a FileFault.
 */
export interface Folder {
  status(): FileStatus;
  xattrs(): readonly FileXattr[];
  /** The names in it, sorted by their bytes. Call it once. */
  names(): readonly ByteString[];
  /** Undefined when there is no such name. */
  statusOf(name: ByteString): FileStatus | undefined;
  /** The extended attributes that this user may see. */
  xattrsOf(name: ByteString): readonly FileXattr[];
  linkTarget(name: ByteString): ByteString;
  folder(name: ByteString): Folder;
  file(name: ByteString): FolderFile;
  close(): void;
}

/** An open regular file of a folder. */
export interface FolderFile {
  status(): FileStatus;
  /** The next range of data from `offsetBytes` on. Undefined when the rest is a hole, or the file has ended. */
  nextData(offsetBytes: number): DataRange | undefined;
  /** Returns how many bytes it read; 0 at the end of the file. */
  read(offsetBytes: number, target: Uint8Array): number;
  close(): void;
}

export interface DataRange {
  readonly offsetBytes: number;
  readonly endBytes: number;
}

export interface FileXattr {
  readonly name: ByteString;
  readonly value: ByteString;
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
/** asm-generic/fcntl.h. node:fs does not have it. */
const O_CLOEXEC = 0o2_000_000;
/** struct linux_dirent64: inode, offset, then these. */
const DIRENT = { lengthBytes: 16, name: 19 } as const;
/** The two names of one errno. */
const NOT_SUPPORTED: ReadonlySet<string> = new Set(["ENOTSUP", "EOPNOTSUPP"]);

/** Memory that system calls fill, for this thread. XATTR_LIST_MAX, XATTR_SIZE_MAX and PATH_MAX of Linux. */
const XATTR = new Uint8Array(64 * KiB);
const TARGET = new Uint8Array(4096);
const STATX = new Uint8Array(STATX_BYTES);
const NAMES = new Uint8Array(64 * KiB);
const NAMES_VIEW = viewOf(NAMES);

const EMPTY = byteStringOf("");
const SELF = byteStringOf(".");
const OTHERS: ReadonlySet<ByteString> = new Set([SELF, byteStringOf("..")]);

/** Opens a directory. `path` itself may be a symbolic link. */
export function openFolder(path: string): Folder {
  if (!existsSync("/proc/self/fd"))
    throw new FileFault(path, "its extended attributes need /proc, which is not mounted", "ENOSYS");
  return folderOf(openSync(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
}

function folderOf(fd: number): Folder {
  return {
    status: () => statusAt(fd, EMPTY),
    xattrs: () => xattrsAt(fd, SELF),
    names: () => namesIn(fd),
    statusOf(name) {
      try {
        return statusAt(fd, name);
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return undefined;
        throw error;
      }
    },
    xattrsOf: (name) => xattrsAt(fd, name),
    linkTarget: (name) => byteString(TARGET.subarray(0, readLinkAt(fd, name, TARGET))),
    folder: (name) => folderOf(openAt(fd, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)),
    // O_NONBLOCK: in case that a FIFO has taken the place of the file, which would wait for a writer.
    file: (name) => fileOf(openAt(fd, name, O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)),
    close: () => closeSync(fd),
  };
}

function fileOf(fd: number): FolderFile {
  return {
    status: () => statusAt(fd, EMPTY),
    nextData(offsetBytes) {
      const start = seekTo(fd, "data", offsetBytes);
      if (start === undefined) return undefined;
      const endBytes = seekTo(fd, "hole", start);
      return endBytes === undefined ? undefined : { offsetBytes: start, endBytes };
    },
    read: (offsetBytes, target) => readSync(fd, target, 0, target.byteLength, offsetBytes),
    close: () => closeSync(fd),
  };
}

/** An empty name stands for the descriptor itself. */
function statusAt(fd: number, name: ByteString): FileStatus {
  statAt(fd, name, STATX);
  return parseStatx(STATX);
}

function namesIn(fd: number): readonly ByteString[] {
  const names: ByteString[] = [];
  for (;;) {
    const sizeBytes = readEntries(fd, NAMES);
    if (sizeBytes === 0) return names.toSorted(byBytes);
    for (let at = 0; at < sizeBytes;) {
      const start = at + DIRENT.name;
      at += NAMES_VIEW.getUint16(at + DIRENT.lengthBytes, true);
      const name = byteString(NAMES.subarray(start, NAMES.indexOf(0, start)));
      if (!OTHERS.has(name)) names.push(name);
    }
  }
}

function byBytes(one: ByteString, other: ByteString): number {
  return one < other ? -1 : Number(one > other);
}

/**
 * Goes through /proc, because no system call reads the attributes of a symbolic link or a device from a descriptor.
 * The path leads to the open directory, wherever it was moved, and `name` is not followed.
 */
function xattrsAt(fd: number, name: ByteString): readonly FileXattr[] {
  const path = joined(byteStringOf(`/proc/self/fd/${fd}/`), name);
  return xattrNames(path).map((each) => {
    const sizeBytes = readXattr(path, each, XATTR);
    return { name: each, value: byteString(XATTR.subarray(0, sizeBytes)) };
  });
}

/** A file system without extended attributes has none. */
function xattrNames(path: ByteString): readonly ByteString[] {
  try {
    return textsIn(XATTR.subarray(0, listXattrs(path, XATTR)));
  } catch (error) {
    if (NOT_SUPPORTED.has(errnoOf(error) ?? "")) return [];
    throw error;
  }
}

/** Texts that each end with a NUL. */
function textsIn(bytes: Uint8Array): readonly ByteString[] {
  const texts: ByteString[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const end = bytes.indexOf(0, at);
    texts.push(byteString(bytes.subarray(at, end)));
    at = end + 1;
  }
  return texts;
}

function joined(one: ByteString, other: ByteString): ByteString {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Bytes after bytes are bytes.
  return `${one}${other}` as ByteString;
}
