import { assert } from "../lib/assert.ts";
import { bytesOf } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import type { Extent } from "../layer/entry.ts";
import type { DeviceNode, SymlinkNode } from "../layer/tree.ts";
import type { BlockUsage } from "./block-usage.ts";
import { BLOCK_BYTES } from "./block.ts";
import type { DataWriter } from "./data-writer.ts";
import { encodeDevice } from "./device.ts";
import { encodeDirectory, encodeLeaf, fitsOneBlock } from "./directory.ts";
import { encodeExtents } from "./extents.ts";
import { viewOf } from "./field.ts";
import { encodeIndexed } from "./htree.ts";
import {
  encodeInode,
  INODE_BYTES,
  INODE_FLAG,
  INODE_MAP,
  INODE_XATTRS_OFFSET,
  inodeSeed,
  sealInode,
} from "./inode.ts";
import type { Numbered } from "./numbering.ts";
import { LOST_AND_FOUND_INODE, pathOf } from "./numbering.ts";
import { encodeXattrBlock, putInodeXattrs, sealXattrBlock, storedXattrs } from "./xattr.ts";

/** Shorter targets lie in the inode itself. GRUB and the kernel both go by the size. */
const INLINE_TARGET_BYTES_MAX = INODE_MAP.bytes - 1;
/** PATH_MAX without its NUL: no kernel would follow more. */
const TARGET_BYTES_MAX = 4095;
/** As mke2fs has it: e2fsck finds room without having to allocate. */
const LOST_AND_FOUND_BLOCKS = 4;

export interface NodeWriterOptions {
  readonly data: DataWriter;
  readonly usage: BlockUsage;
  readonly checksumSeed: number;
  readonly hashSeed: Uint8Array;
  readonly timeSeconds: number;
}

/** What an inode says about its content, besides its map. */
interface Body {
  readonly sizeBytes: number;
  readonly flags: number;
  readonly blocks: number;
}

/**
 * Writes what belongs to one node but is no file data: directory, long symlink, extent and xattr blocks; and makes its inode, always in
 * the same memory. There may be millions: what is made anew for each of them is paid for each of them.
 */
export class NodeWriter {
  readonly #options: NodeWriterOptions;
  readonly #inode = new Uint8Array(INODE_BYTES);
  readonly #record = viewOf(this.#inode);
  readonly #map = this.#inode.subarray(INODE_MAP.offset, INODE_MAP.offset + INODE_MAP.bytes);
  readonly #mapRecord = viewOf(this.#map);

  constructor(options: NodeWriterOptions) {
    this.#options = options;
  }

  /** The 256 bytes of the inode, valid until the next call. */
  write(numbered: Numbered): Uint8Array {
    const { node } = numbered;
    const seed = inodeSeed(this.#options.checksumSeed, numbered.inode);
    this.#inode.fill(0);
    const body = this.#body(numbered, seed);
    const xattrBlock = this.#xattrs(numbered);
    encodeInode(this.#record, {
      kind: node.kind,
      attributes: node,
      sizeBytes: body.sizeBytes,
      links: numbered.links,
      blocks: body.blocks + (xattrBlock === 0 ? 0 : 1),
      flags: body.flags,
      xattrBlock,
      makeTimeSeconds: this.#options.timeSeconds,
    });
    sealInode(this.#inode, this.#record, seed);
    return this.#inode;
  }

  #body(numbered: Numbered, seed: number): Body {
    const { node } = numbered;
    switch (node.kind) {
      case "file":
        return this.#mapped(node.sizeBytes, node.extents, seed);
      case "directory":
        return this.#directory(numbered, seed);
      case "symlink":
        return this.#symlink(numbered, node, seed);
      case "character":
      case "block":
        return this.#device(numbered, node);
      case "fifo":
        return EMPTY;
    }
  }

  #mapped(sizeBytes: number, extents: readonly Extent[], seed: number): Body {
    const last = extents.at(-1);
    const endBlock = last === undefined ? 0 : last.logicalBlock + last.blocks;
    assert(endBlock <= Math.ceil(sizeBytes / BLOCK_BYTES), "extents end with their file");
    const append = this.#append;
    let blocks = encodeExtents(this.#mapRecord, extents, { seed, append });
    for (const extent of extents) {
      this.#use(extent);
      blocks += extent.blocks;
    }
    return { sizeBytes, flags: INODE_FLAG.extents, blocks };
  }

  #directory(numbered: Numbered, seed: number): Body {
    const { inode, entries } = numbered;
    const content = { inode, parent: (numbered.parent ?? numbered).inode, entries };
    if (!fitsOneBlock(content)) {
      const blocks = encodeIndexed(content, { checksum: seed, hash: this.#options.hashSeed });
      const body = this.#stored(blocks, seed);
      return { ...body, flags: body.flags | INODE_FLAG.index };
    }
    const blocks = [encodeDirectory(content, seed)];
    const spare = inode === LOST_AND_FOUND_INODE ? LOST_AND_FOUND_BLOCKS - 1 : 0;
    for (let index = 0; index < spare; index += 1) blocks.push(encodeLeaf([], seed));
    return this.#stored(blocks, seed);
  }

  #symlink(numbered: Numbered, { target }: SymlinkNode, seed: number): Body {
    if (target.length === 0 || target.length > TARGET_BYTES_MAX)
      throw new TandemError(
        "content",
        `Cannot write symlink "${pathOf(numbered)}": its target has ${target.length} bytes, want 1 to ${TARGET_BYTES_MAX}`,
      );
    const bytes = bytesOf(target);
    if (target.length > INLINE_TARGET_BYTES_MAX) return this.#stored([bytes], seed);
    this.#map.set(bytes);
    return { ...EMPTY, sizeBytes: target.length };
  }

  #device(numbered: Numbered, node: DeviceNode): Body {
    const map = encodeDevice(node);
    if (map === undefined)
      throw new TandemError(
        "content",
        `Cannot write device "${pathOf(numbered)}": its number ${node.major}:${node.minor} is out of range`,
      );
    this.#map.set(map);
    return EMPTY;
  }

  /** Content of our own making, placed like a file. */
  #stored(pieces: readonly Uint8Array[], seed: number): Body {
    const { data } = this.#options;
    const sizeBytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    data.begin(sizeBytes, sizeBytes);
    for (const piece of pieces) data.write(piece);
    return this.#mapped(sizeBytes, data.end(), seed);
  }

  /** Returns the block of what did not fit the inode, or 0. */
  #xattrs(numbered: Numbered): number {
    const { xattrs } = numbered.node;
    if (xattrs.length === 0) return 0;
    const path = (): string => pathOf(numbered);
    const area = this.#inode.subarray(INODE_XATTRS_OFFSET);
    const rest = putInodeXattrs(area, storedXattrs(xattrs, path));
    if (rest.length === 0) return 0;
    const block = encodeXattrBlock(rest, path);
    sealXattrBlock(block, this.#options.data.nextBlock(), this.#options.checksumSeed);
    return this.#append(block);
  }

  /** Writes one block of metadata and tells where. */
  readonly #append = (block: Uint8Array): number => {
    const { data } = this.#options;
    data.begin(block.byteLength, block.byteLength);
    data.write(block);
    const [extent] = data.end();
    assert(extent !== undefined, "a block has a place");
    this.#use(extent);
    return extent.physicalBlock;
  };

  #use({ physicalBlock, blocks }: Extent): void {
    this.#options.usage.mark({ block: physicalBlock, blocks });
  }
}

/** Nothing but the inode. */
const EMPTY: Body = { sizeBytes: 0, flags: 0, blocks: 0 };
