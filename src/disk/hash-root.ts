import type { BlockFile } from "../system/block-file.ts";
import {
  byOffset,
  hashMedium,
  type HashedRange,
  type Range,
  type ReadBackOptions,
} from "./read-back.ts";
import { rangesOf, type Run } from "./run.ts";

type Leaf = Pick<HashedRange, keyof Range | "sha256">;

/**
 * Returns one hash, in hex, over everything that was written. It is the SHA-256 of a list with one element for each
 * range, in ascending order: offset and size (u64, little-endian) and the SHA-256 of the range's bytes.
 */
export function hashRoot(ranges: readonly Leaf[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const range of byOffset(ranges)) hasher.update(leafOf(range));
  return hasher.digest("hex");
}

/** Computes hashRoot() over the current content of the medium, without the page cache. */
export async function readRoot(
  file: BlockFile,
  runs: readonly Run[],
  options: ReadBackOptions = {},
): Promise<string> {
  return hashRoot(await hashMedium(file, byOffset(rangesOf(runs)), options));
}

function leafOf({ offsetBytes, sizeBytes, sha256 }: Leaf): Uint8Array {
  const leaf = new Uint8Array(16 + sha256.byteLength);
  const view = new DataView(leaf.buffer);
  view.setBigUint64(0, BigInt(offsetBytes), true);
  view.setBigUint64(8, BigInt(sizeBytes), true);
  leaf.set(sha256, 16);
  return leaf;
}
