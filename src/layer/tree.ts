import type { ByteString } from "../lib/byte-string.ts";
import type { Extent, Time, Xattr } from "../tar/entry.ts";

export interface Attributes {
  /** 0 … 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  mtime: Time;
  xattrs: readonly Xattr[];
  /**
   * The inode number in the file system that is made of the tree. It is a field because a Map of millions of nodes
   * would need more memory.
   */
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

/** One inode of the merged image. Hard links are one object with several names. */
export type TreeNode = FileNode | DirectoryNode | SymlinkNode | DeviceNode | FifoNode;

/** The merged layers of an image, and a function that reads its files. */
export interface ImageTree {
  readonly root: DirectoryNode;
  /** Reads a file, or its first `bytesMax` bytes. */
  readonly read: (node: FileNode, bytesMax?: number) => Uint8Array;
}
