import type { ByteString } from "../lib/byte-string.ts";

/** `blocks` blocks of 4096 bytes of a file, from its block `logicalBlock` on, at the target's block `physicalBlock`. */
export interface Extent {
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly blocks: number;
}

/** Seconds since 1970, may be negative; `nanoseconds` is 0 … 999,999,999 and always adds. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface Xattr {
  /** With its prefix: "security.capability". */
  readonly name: ByteString;
  readonly value: ByteString;
}

/** What every member of a layer has. `path` is clean: relative to the root, no "." or "..", no slash at its ends; "" is the root. */
interface Member {
  readonly path: ByteString;
  /** Permission bits with set-user-ID, set-group-ID and sticky, 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Time;
  readonly xattrs: readonly Xattr[];
}

/** One tar member of a layer, with the place its data was given. Plain data: it crosses between threads. */
export type Entry =
  | (Member & {
      readonly kind: "file";
      readonly sizeBytes: number;
      readonly extents: readonly Extent[];
    })
  | (Member & { readonly kind: "directory" })
  | (Member & { readonly kind: "symlink"; readonly target: ByteString })
  /** `target` is a clean path like `path`. */
  | (Member & { readonly kind: "hardlink"; readonly target: ByteString })
  | (Member & {
      readonly kind: "character" | "block";
      readonly major: number;
      readonly minor: number;
    })
  | (Member & { readonly kind: "fifo" });

/** Takes the data of one regular file at a time and decides where it lies. The file system behind it implements this. */
export interface DataSink {
  /** Starts a file of `sizeBytes` bytes, `dataBytes` of them not in holes. */
  begin(sizeBytes: number, dataBytes: number): void;
  /** The next run of data belongs at `offsetBytes` of the file. Without a call data follows on; what is skipped is a hole. */
  seek(offsetBytes: number): void;
  /** Takes a copy of `bytes` before it returns. */
  write(bytes: Uint8Array): void;
  /** Ends the file and tells where its data lies. */
  end(): readonly Extent[];
}
