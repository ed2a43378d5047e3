import { BLOCK_BYTES } from "../disk/chunk.ts";
import type { Run } from "../disk/run.ts";
import { TandemError } from "../lib/error.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { GROUP_BLOCKS } from "./block.ts";
import { crc32c, CRC_START } from "./checksum.ts";
import { descriptorBlocksOf, groupBlocks, groupsOf, hasSuperblock } from "./geometry.ts";
import { decodeDescriptor, DESCRIPTOR_BYTES, GROUP_FLAG } from "./group-descriptor.ts";
import {
  decodeSuperblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET_BYTES,
  type SuperblockFacts,
} from "./superblock.ts";

/**
 * The blocks in use of a file system that tandem has made, also after the kernel has written to it: those in the block
 * bitmaps. Ascending, as long as possible. Throws "content" when the file system is damaged.
 */
export function usedRuns(block: BlockFile): Run[] {
  try {
    const facts = decodeSuperblock(readBlock(block, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES));
    if (facts.blocks * BLOCK_BYTES > block.sizeBytes)
      throw new BadFileSystem(`it has ${facts.blocks} blocks, more than there is room for`);
    return joined(runsOfGroups(block, facts));
  } catch (error) {
    if (!(error instanceof BadFileSystem)) throw error;
    throw new TandemError(
      "content",
      `Cannot read the file system of ${block.name}: ${error.message}`,
    );
  }
}

function* runsOfGroups(block: BlockFile, facts: SuperblockFacts): Generator<Run> {
  const { blocks, uuid, checksums } = facts;
  const seed = checksums === "metadata" ? crc32c(CRC_START, uuid) : undefined;
  const groups = groupsOf(blocks);
  const table = readBlock(block, BLOCK_BYTES, descriptorBlocksOf(groups) * BLOCK_BYTES);
  for (let group = 0; group < groups; group += 1) {
    const bytes = table.subarray(group * DESCRIPTOR_BYTES, (group + 1) * DESCRIPTOR_BYTES);
    const { flags, blockBitmap } = decodeDescriptor(bytes, { group, seed, uuid });
    const first = group * GROUP_BLOCKS;
    if ((flags & GROUP_FLAG.blocksUninitialized) !== 0) {
      if (hasSuperblock(group)) yield [first, 1 + descriptorBlocksOf(groups)];
      continue;
    }
    if (blockBitmap >= blocks) throw new BadFileSystem(`there is no block ${blockBitmap}`);
    const bitmap = readBlock(block, blockBitmap * BLOCK_BYTES, BLOCK_BYTES);
    for (const [start, count] of runsOfBits(bitmap, groupBlocks(facts, group)))
      yield [first + start, count];
  }
}

/** The runs of bits that are set, among the first `count`. */
function* runsOfBits(bitmap: Uint8Array, count: number): Generator<Run> {
  let start = 0;
  for (let bit = 0; bit <= count; bit += 1) {
    const isSet = bit < count && ((bitmap[Math.floor(bit / 8)] ?? 0) & (1 << (bit % 8))) !== 0;
    if (isSet) continue;
    if (bit > start) yield [start, bit - start];
    start = bit + 1;
  }
}

function joined(runs: Iterable<Run>): Run[] {
  const all: [first: number, blocks: number][] = [];
  for (const [first, blocks] of runs) {
    const last = all.at(-1);
    if (last !== undefined && last[0] + last[1] === first) last[1] += blocks;
    else all.push([first, blocks]);
  }
  return all;
}
