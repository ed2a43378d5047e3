import type { Extent } from "../tar/entry.ts";
import type { DirectoryNode, FileNode, SymlinkNode, TreeNode } from "../layer/tree.ts";
import { type ByteString, byteString, display } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { crc32c, CRC_START, type ReadSeed } from "./checksum.ts";
import { decodeDirectory } from "./directory.ts";
import { decodeExtents } from "./extents.ts";
import { formatUuid } from "./identity.ts";
import { decodeInode, INODE_BYTES, INODE_MAP, inodeSeed, type StoredInode } from "./inode.ts";
import { InodePlaces } from "./inode-places.ts";
import { readFile } from "./read.ts";
import {
  decodeSuperblock,
  ROOT_INODE,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET_BYTES,
  type SuperblockFacts,
} from "./superblock.ts";

/** Five times the size of a directory with a million names. */
const DIRECTORY_BYTES_MAX = 256 * MiB;
const TARGET_BYTES_MAX = BLOCK_BYTES;

/** A file system that tandem has written, read without the kernel. Directories are read on first access. */
export interface FileSystem {
  readonly uuid: string;
  readonly label: string;
  /**
   * Accessing its nodes throws "content" where the file system is damaged. Owners, times, device numbers and xattrs are
   * not read.
   */
  readonly root: DirectoryNode;
  /** Reads a small file, or its first `bytesMax` bytes. */
  readonly read: (node: FileNode, bytesMax?: number) => Uint8Array;
}

/** Opens the file system. Throws "content" when there is none, or when it was not written by tandem. */
export function openFileSystem(block: BlockFile): FileSystem {
  const reader = new Reader(block);
  const { uuid, label } = reader.facts;
  return {
    uuid: formatUuid(uuid),
    label: display(label),
    root: reader.root(),
    read: (node, bytesMax) => readFile(block, node, bytesMax),
  };
}

/**
 * Reads every directory and every inode, which compares all checksums. File data has no checksums. Throws "content".
 */
export function checkFileSystem({ root }: FileSystem): { readonly nodes: number } {
  const todo: TreeNode[] = [root];
  let nodes = 0;
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    nodes += 1;
    if (node.kind === "directory") todo.push(...node.children.values());
  }
  return { nodes };
}

const ATTRIBUTES = {
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: [],
} as const;

class Reader {
  readonly facts: SuperblockFacts;
  readonly #block: BlockFile;
  readonly #places: InodePlaces;
  readonly #seed: ReadSeed;

  constructor(block: BlockFile) {
    this.#block = block;
    this.facts = this.#guard(() => {
      const facts = decodeSuperblock(readBlock(block, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES));
      if (facts.blocks * BLOCK_BYTES <= block.sizeBytes) return facts;
      throw new BadFileSystem(`it has ${facts.blocks} blocks, more than there is room for`);
    });
    const { checksums, uuid } = this.facts;
    this.#seed = checksums === "metadata" ? crc32c(CRC_START, uuid) : undefined;
    this.#places = this.#guard(
      () => new InodePlaces(this.facts, this.#seed, (number) => this.#readBlock(number)),
    );
  }

  root(): DirectoryNode {
    const node = this.#node(ROOT_INODE);
    if (node.kind === "directory") return node;
    throw this.#failed(`its root is a ${node.kind}`);
  }

  #node(inode: number): TreeNode {
    return this.#guard(() => {
      const bytes = this.#inodeBytes(inode);
      const seed = this.#seed === undefined ? undefined : inodeSeed(this.#seed, inode);
      return this.#typed(decodeInode(bytes, seed), seed);
    });
  }

  #typed(stored: StoredInode, seed: ReadSeed): TreeNode {
    const { kind, sizeBytes } = stored;
    switch (kind) {
      case "directory":
        return this.#directory(stored, seed);
      case "file":
        return { kind, ...ATTRIBUTES, sizeBytes, extents: this.#extents(stored, seed) };
      case "symlink":
        return this.#symlink(stored, seed);
      case "character":
      case "block":
        return { kind, ...ATTRIBUTES, major: 0, minor: 0 };
      case "fifo":
        return { kind, ...ATTRIBUTES };
    }
  }

  #directory(stored: StoredInode, seed: ReadSeed): DirectoryNode {
    let children: Map<ByteString, TreeNode> | undefined;
    const load = (): Map<ByteString, TreeNode> => this.#children(stored, seed);
    return {
      kind: "directory",
      ...ATTRIBUTES,
      get children() {
        children ??= load();
        return children;
      },
    };
  }

  #children(stored: StoredInode, seed: ReadSeed): Map<ByteString, TreeNode> {
    return this.#guard(() => {
      const bytes = this.#content(stored, seed, DIRECTORY_BYTES_MAX);
      const children = new Map<ByteString, TreeNode>();
      for (let at = 0; at < bytes.byteLength; at += BLOCK_BYTES)
        for (const { name, inode } of decodeDirectory(bytes.subarray(at, at + BLOCK_BYTES), seed))
          children.set(name, this.#node(inode));
      return children;
    });
  }

  #symlink(stored: StoredInode, seed: ReadSeed): SymlinkNode {
    const { sizeBytes, map } = stored;
    const target =
      sizeBytes < INODE_MAP.bytes
        ? map.subarray(0, sizeBytes)
        : this.#content(stored, seed, TARGET_BYTES_MAX);
    return { kind: "symlink", ...ATTRIBUTES, target: byteString(target) };
  }

  #content(stored: StoredInode, seed: ReadSeed, bytesMax: number): Uint8Array {
    const { sizeBytes } = stored;
    if (sizeBytes > bytesMax) throw new BadFileSystem(`an inode claims ${sizeBytes} bytes`);
    const extents = this.#extents(stored, seed);
    const bytes = new Uint8Array(sizeBytes);
    for (const { logicalBlock, physicalBlock, blocks } of extents) {
      const start = logicalBlock * BLOCK_BYTES;
      const place = bytes.subarray(start, start + blocks * BLOCK_BYTES);
      this.#block.readInto(physicalBlock * BLOCK_BYTES, place);
    }
    return bytes;
  }

  #extents({ map }: StoredInode, seed: ReadSeed): Extent[] {
    const read = (block: number): Uint8Array => this.#readBlock(block);
    return decodeExtents(map, { seed, blocks: this.facts.blocks, read });
  }

  #inodeBytes(inode: number): Uint8Array {
    const { block, offsetBytes } = this.#places.of(inode);
    return this.#readBlock(block).subarray(offsetBytes, offsetBytes + INODE_BYTES);
  }

  #readBlock(number: number): Uint8Array {
    if (number === 0 || number >= this.facts.blocks)
      throw new BadFileSystem(`there is no block ${number}`);
    return readBlock(this.#block, number * BLOCK_BYTES, BLOCK_BYTES);
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (error instanceof BadFileSystem) throw this.#failed(error.message);
      throw error;
    }
  }

  #failed(why: string): TandemError {
    return new TandemError("content", `Cannot read the file system of ${this.#block.name}: ${why}`);
  }
}
