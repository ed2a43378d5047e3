import type { Extent, Xattr } from "../../src/tar/entry.ts";
import type { Attributes, DirectoryNode, FileNode, TreeNode } from "../../src/layer/tree.ts";
import { Allocator } from "../../src/ext4/allocator.ts";
import { DataWriter } from "../../src/ext4/data-writer.ts";
import type { FileSystemContent, WrittenTree } from "../../src/ext4/format.ts";
import { writeTree } from "../../src/ext4/format.ts";
import type { Ext4Geometry } from "../../src/ext4/geometry.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import type { WrittenRange } from "../../src/ext4/written-range.ts";
import type { ByteString } from "../../src/lib/byte-string.ts";
import { byteString, byteStringOf } from "../../src/lib/byte-string.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { plainOutbox } from "../../src/system/outbox.ts";

export const IDENTITY = {
  uuid: "01234567-89ab-cdef-0123-456789abcdef",
  label: "tandem-a",
  timeSeconds: 1_700_000_000,
} as const;

/** Two names with one hash in a file system of IDENTITY. */
export const COLLIDING_NAMES = ["collide-12283", "collide-53535"] as const;

const PLAIN: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { seconds: 1_600_000_000, nanoseconds: 123_456_789 },
  xattrs: [],
};

export type Children = Readonly<Record<string, TreeNode>> | Iterable<readonly [string, TreeNode]>;

export function directory(
  children: Children = {},
  attributes: Partial<Attributes> = {},
): DirectoryNode {
  const pairs = Symbol.iterator in children ? [...children] : Object.entries(children);
  const byName = pairs.map(([name, node]): [ByteString, TreeNode] => [byteStringOf(name), node]);
  return { kind: "directory", ...PLAIN, ...attributes, children: new Map(byName) };
}

export function symlink(target: string, attributes: Partial<Attributes> = {}): TreeNode {
  return { kind: "symlink", ...PLAIN, ...attributes, target: byteStringOf(target) };
}

export function fifo(attributes: Partial<Attributes> = {}): TreeNode {
  return { kind: "fifo", ...PLAIN, ...attributes };
}

export function deviceNode(
  kind: "character" | "block",
  [major, minor]: readonly [number, number],
): TreeNode {
  return { kind, ...PLAIN, major, minor };
}

export function fileAt(
  sizeBytes: number,
  extents: readonly Extent[],
  attributes: Partial<Attributes> = {},
): FileNode {
  return { kind: "file", ...PLAIN, mode: 0o644, ...attributes, sizeBytes, extents };
}

export function xattr(name: string, value: Uint8Array | string): Xattr {
  const bytes = typeof value === "string" ? byteStringOf(value) : byteString(value);
  return { name: byteStringOf(name), value: bytes };
}

/** The options of a file system that most tests do not need. */
export type Format = Partial<Pick<FileSystemContent, "identity" | "checksums">>;

/** Builds a file system in one thread. */
export class Ext4Image {
  readonly target: BlockFile;
  readonly geometry: Ext4Geometry;
  readonly allocator: Allocator;
  readonly data: DataWriter;

  readonly #format: Format;

  constructor(target: BlockFile, format: Format = {}) {
    this.target = target;
    this.#format = format;
    this.geometry = planGeometry(target.sizeBytes);
    this.allocator = Allocator.create(this.geometry);
    this.data = new DataWriter(plainOutbox(target), this.allocator);
  }

  file(content: Uint8Array | string, attributes: Partial<Attributes> = {}): FileNode {
    const bytes = Buffer.from(content);
    this.data.begin(bytes.byteLength, bytes.byteLength);
    this.data.write(bytes);
    return fileAt(bytes.byteLength, this.data.end(), attributes);
  }

  /** A file with data at some offsets and holes elsewhere. */
  sparseFile(sizeBytes: number, runs: readonly (readonly [number, Uint8Array])[]): FileNode {
    const dataBytes = runs.reduce((sum, [, bytes]) => sum + bytes.byteLength, 0);
    this.data.begin(sizeBytes, dataBytes);
    for (const [offsetBytes, bytes] of runs) {
      this.data.seek(offsetBytes);
      this.data.write(bytes);
    }
    return fileAt(sizeBytes, this.data.end());
  }

  /** Writes everything except block 0. */
  writeTree(root: DirectoryNode): WrittenTree & { readonly dataRanges: readonly WrittenRange[] } {
    const dataRanges = this.data.finish();
    const { geometry, allocator } = this;
    const tree = writeTree(this.target, {
      geometry,
      allocator,
      root,
      identity: IDENTITY,
      ...this.#format,
    });
    return { ...tree, dataRanges };
  }

  /** Writes the whole file system. */
  finish(root: DirectoryNode): ReturnType<Ext4Image["writeTree"]> {
    const tree = this.writeTree(root);
    this.target.write(0, tree.superblock);
    return tree;
  }
}
