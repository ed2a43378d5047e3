import { BLOCK_BYTES } from "../disk/chunk.ts";
import { INODE_BYTES } from "./inode.ts";
import type { Ext4Geometry } from "./geometry.ts";
import type { PlacedWriter } from "./placed-writer.ts";

/** Collects inodes, in ascending order, into the blocks of the inode tables. Does not write blocks without inodes. */
export class InodeTable {
  readonly #geometry: Ext4Geometry;
  readonly #writer: PlacedWriter;
  readonly #buffer = new Uint8Array(BLOCK_BYTES);
  #block: number | undefined;

  constructor(geometry: Ext4Geometry, writer: PlacedWriter) {
    this.#geometry = geometry;
    this.#writer = writer;
  }

  put(inode: number, bytes: Uint8Array): void {
    const { inodesPerGroup, inodeTables } = this.#geometry;
    const group = Math.floor((inode - 1) / inodesPerGroup);
    const atBytes = ((inode - 1) % inodesPerGroup) * INODE_BYTES;
    const block = (inodeTables[group] ?? 0) + Math.floor(atBytes / BLOCK_BYTES);
    if (block !== this.#block) {
      this.finish();
      this.#block = block;
    }
    this.#buffer.set(bytes, atBytes % BLOCK_BYTES);
  }

  /** Writes the last block. */
  finish(): void {
    if (this.#block !== undefined) this.#writer.put(this.#block, this.#buffer);
    this.#buffer.fill(0);
    this.#block = undefined;
  }
}
