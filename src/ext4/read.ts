import { TandemError } from "../lib/error.ts";
import { formatBytes, MiB } from "../lib/units.ts";
import type { FileNode } from "../layer/tree.ts";
import type { BlockFile } from "../system/block-file.ts";
import { BLOCK_BYTES, CHUNK_BYTES } from "../disk/chunk.ts";

/** The limit for files that are read in one piece, such as a command line or a release file. */
const FILE_BYTES_MAX = 16 * MiB;

/** Reads a small file, or the first `bytesMax` bytes of any file. Throws "content" for more than 16 MiB. */
export function readFile(
  target: BlockFile,
  node: FileNode,
  bytesMax: number = node.sizeBytes,
): Uint8Array {
  const sizeBytes = Math.min(node.sizeBytes, bytesMax);
  if (sizeBytes > FILE_BYTES_MAX)
    throw new TandemError(
      "content",
      `Cannot read a file of ${formatBytes(sizeBytes)} whole: want at most ${formatBytes(FILE_BYTES_MAX)}`,
    );
  const bytes = new Uint8Array(sizeBytes);
  for (const { logicalBlock, physicalBlock, blocks } of node.extents) {
    const start = logicalBlock * BLOCK_BYTES;
    if (start >= sizeBytes) continue;
    const place = bytes.subarray(start, start + blocks * BLOCK_BYTES);
    target.readInto(physicalBlock * BLOCK_BYTES, place);
  }
  return bytes;
}

/** Reads a file without holes, of any size, in order. A chunk is valid only until the next one is requested. */
export function* readChunks(target: BlockFile, node: FileNode): Generator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, node.sizeBytes));
  for (const { logicalBlock, physicalBlock, blocks } of node.extents) {
    const startBytes = logicalBlock * BLOCK_BYTES;
    const sizeBytes = Math.min(blocks * BLOCK_BYTES, node.sizeBytes - startBytes);
    for (let done = 0; done < sizeBytes; done += CHUNK_BYTES) {
      const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - done));
      target.readInto(physicalBlock * BLOCK_BYTES + done, chunk);
      yield chunk;
    }
  }
}
