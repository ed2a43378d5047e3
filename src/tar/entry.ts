import type { ByteString } from "../lib/byte-string.ts";

/**
 * A run of `blocks` blocks of 4096 bytes: the file's block `logicalBlock` lies in the target's block `physicalBlock`.
 */
export interface Extent {
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly blocks: number;
}

/** Seconds since 1970, which may be negative, plus 0 … 999,999,999 nanoseconds. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface Xattr {
  /** With its prefix: "security.capability". */
  readonly name: ByteString;
  readonly value: ByteString;
}

/** The fields that every entry has. */
interface Member {
  /** Relative to the root, without ".", "..", or a slash at its ends. "" is the root. */
  readonly path: ByteString;
  /** The permission bits and set-user-ID, set-group-ID and sticky: 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Time;
  readonly xattrs: readonly Xattr[];
}

/** One tar member of a layer, with the extents of its data. Plain data, because it is sent between threads. */
export type Entry =
  | (Member & {
      readonly kind: "file";
      readonly sizeBytes: number;
      readonly extents: readonly Extent[];
    })
  | (Member & { readonly kind: "directory" })
  | (Member & { readonly kind: "symlink"; readonly target: ByteString })
  /** `target` has the form of `path`. */
  | (Member & { readonly kind: "hardlink"; readonly target: ByteString })
  | (Member & {
      readonly kind: "character" | "block";
      readonly major: number;
      readonly minor: number;
    })
  | (Member & { readonly kind: "fifo" });

/**
 * Receives the data of one regular file at a time and decides where to put it. A file system writer implements this.
 */
export interface DataSink {
  /** Starts a file of `sizeBytes` bytes, `dataBytes` of them not in holes. */
  begin(sizeBytes: number, dataBytes: number): void;
  /** Sets the offset in the file of the next write. The skipped range is a hole. */
  seek(offsetBytes: number): void;
  /** Copies `bytes` before it returns: the caller may reuse the memory. */
  write(bytes: Uint8Array): void;
  /** Ends the file and returns the extents of its data. */
  end(): readonly Extent[];
}
