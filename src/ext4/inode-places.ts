import { BadFileSystem } from "./bad-file-system.ts";
import type { ReadSeed } from "./checksum.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { decodeDescriptor, DESCRIPTOR_BYTES } from "./group-descriptor.ts";
import { INODE_BYTES } from "./inode.ts";
import type { SuperblockFacts } from "./superblock.ts";

const PER_BLOCK = BLOCK_BYTES / DESCRIPTOR_BYTES;

/** Finds the location of an inode with the group descriptors. */
export class InodePlaces {
  readonly #facts: SuperblockFacts;
  readonly #seed: ReadSeed;
  readonly #read: (block: number) => Uint8Array;
  readonly #tables = new Map<number, number>();

  /** `seed` is the file system's checksum seed. */
  constructor(facts: SuperblockFacts, seed: ReadSeed, read: (block: number) => Uint8Array) {
    this.#facts = facts;
    this.#seed = seed;
    this.#read = read;
  }

  /** Returns the block of an inode and the offset in it. Throws BadFileSystem. */
  of(inode: number): { readonly block: number; readonly offsetBytes: number } {
    const { inodes, inodesPerGroup } = this.#facts;
    if (inode < 1 || inode > inodes) throw new BadFileSystem(`there is no inode ${inode}`);
    const group = Math.floor((inode - 1) / inodesPerGroup);
    const atBytes = ((inode - 1) % inodesPerGroup) * INODE_BYTES;
    return {
      block: this.#tableOf(group) + Math.floor(atBytes / BLOCK_BYTES),
      offsetBytes: atBytes % BLOCK_BYTES,
    };
  }

  /** Returns the first block of a group's inode table. The descriptors follow block 0. */
  #tableOf(group: number): number {
    const known = this.#tables.get(group);
    if (known !== undefined) return known;
    const block = this.#read(1 + Math.floor(group / PER_BLOCK));
    const at = (group % PER_BLOCK) * DESCRIPTOR_BYTES;
    const bytes = block.subarray(at, at + DESCRIPTOR_BYTES);
    const { inodeTable } = decodeDescriptor(bytes, {
      group,
      seed: this.#seed,
      uuid: this.#facts.uuid,
    });
    this.#tables.set(group, inodeTable);
    return inodeTable;
  }
}
