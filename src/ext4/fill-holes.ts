import type { Extent } from "../tar/entry.ts";
import type { FileNode } from "../layer/tree.ts";
import { BLOCK_BYTES, CHUNK_BYTES } from "../disk/chunk.ts";
import type { DataWriter } from "./data-writer.ts";

/**
 * Writes zeros where `node` has holes. GRUB reports a hole at the start of a file as an error, so boot files must have
 * none. Throws "no-space".
 */
export function fillHoles(node: FileNode, data: DataWriter): void {
  const filled = holesOf(node).flatMap((hole) => writeZeros(hole, data));
  node.extents = [...node.extents, ...filled].toSorted(
    (one, other) => one.logicalBlock - other.logicalBlock,
  );
}

export function hasHoles({ sizeBytes, extents }: FileNode): boolean {
  const blocks = extents.reduce((sum, extent) => sum + extent.blocks, 0);
  return blocks < Math.ceil(sizeBytes / BLOCK_BYTES);
}

interface Hole {
  readonly logicalBlock: number;
  readonly blocks: number;
}

function holesOf({ sizeBytes, extents }: FileNode): Hole[] {
  const holes: Hole[] = [];
  let end = 0;
  const upTo = (logicalBlock: number): void => {
    if (logicalBlock > end) holes.push({ logicalBlock: end, blocks: logicalBlock - end });
  };
  for (const { logicalBlock, blocks } of extents) {
    upTo(logicalBlock);
    end = logicalBlock + blocks;
  }
  upTo(Math.ceil(sizeBytes / BLOCK_BYTES));
  return holes;
}

function writeZeros({ logicalBlock, blocks }: Hole, data: DataWriter): Extent[] {
  const sizeBytes = blocks * BLOCK_BYTES;
  const zeros = new Uint8Array(Math.min(sizeBytes, CHUNK_BYTES));
  data.begin(sizeBytes, sizeBytes);
  for (let left = sizeBytes; left > 0; left -= zeros.byteLength)
    data.write(zeros.subarray(0, Math.min(left, zeros.byteLength)));
  return data
    .end()
    .map((extent) => ({ ...extent, logicalBlock: logicalBlock + extent.logicalBlock }));
}
