import { type BlockFile, readBlock } from "../system/block-file.ts";
import { hasChecksum, type Patch, relabel } from "./relabel.ts";
import { readLabel, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET_BYTES } from "./superblock.ts";

/**
 * The same file system, read as if it still had this label: a system that changes its slot changes its label, and
 * nothing else. With metadata checksums, or without a superblock, this is `block` itself: a label that was changed there
 * counts as damage.
 */
export function withLabel(block: BlockFile, label: string): BlockFile {
  const superblock = readBlock(block, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES);
  if (readLabel(superblock) === undefined || hasChecksum(superblock)) return block;
  const patch = relabel(superblock, label);
  return {
    name: block.name,
    sizeBytes: block.sizeBytes,
    readInto(offsetBytes, target) {
      block.readInto(offsetBytes, target);
      applyTo({ offsetBytes, bytes: target }, patch);
    },
    async read(offsetBytes, target) {
      const way = await block.read(offsetBytes, target);
      applyTo({ offsetBytes, bytes: target }, patch);
      return way;
    },
    write: (offsetBytes, bytes) => block.write(offsetBytes, bytes),
    flush: () => block.flush(),
    dropCache: (offsetBytes, sizeBytes) => block.dropCache(offsetBytes, sizeBytes),
    close: () => block.close(),
  };
}

/** Overwrites what `read` and `patch` have in common. */
function applyTo(read: Patch, patch: Patch): void {
  const start = Math.max(read.offsetBytes, patch.offsetBytes);
  const end = Math.min(
    read.offsetBytes + read.bytes.byteLength,
    patch.offsetBytes + patch.bytes.byteLength,
  );
  if (start >= end) return;
  const piece = patch.bytes.subarray(start - patch.offsetBytes, end - patch.offsetBytes);
  read.bytes.set(piece, start - read.offsetBytes);
}
