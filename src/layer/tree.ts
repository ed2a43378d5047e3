import type { ByteString } from "../lib/byte-string.ts";
import type { Extent, Time, Xattr } from "../tar/entry.ts";

export interface Attributes {
  /** 0 … 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  mtime: Time;
  xattrs: readonly Xattr[];
  /** In the file system that was made of the tree last. It stands here because a Map of millions of nodes would be larger than they are. */
  inode?: number;
}

export interface FileNode extends Attributes {
  readonly kind: "file";
  readonly sizeBytes: number;
  extents: readonly Extent[];
}

export interface DirectoryNode extends Attributes {
  readonly kind: "directory";
  readonly children: Map<ByteString, TreeNode>;
}

export interface SymlinkNode extends Attributes {
  readonly kind: "symlink";
  readonly target: ByteString;
}

export interface DeviceNode extends Attributes {
  readonly kind: "character" | "block";
  readonly major: number;
  readonly minor: number;
}

export interface FifoNode extends Attributes {
  readonly kind: "fifo";
}

/** One inode of the merged image. Hard links are one and the same object under several names. */
export type TreeNode = FileNode | DirectoryNode | SymlinkNode | DeviceNode | FifoNode;

/** All layers of an image merged, and how its files are read. */
export interface ImageTree {
  readonly root: DirectoryNode;
  /** The bytes of a file, or the first of them. */
  readonly read: (node: FileNode, bytesMax?: number) => Uint8Array;
}
