import { assert } from "../lib/assert.ts";
import { viewOf } from "../lib/view.ts";
import { BadFileSystem } from "./bad-file-system.ts";
import { crc32c, CRC_START } from "./checksum.ts";
import { get, put } from "./field.ts";
import {
  CHECKSUMMED_BYTES,
  LABEL_BYTES_MAX,
  LABEL_OFFSET,
  METADATA_CHECKSUMS,
  readLabel,
  SUPERBLOCK,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET_BYTES,
} from "./superblock.ts";

/** Bytes to write into a file system, and their offset from its start. */
export interface Patch {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/**
 * Returns the label of an ext2, ext3 or ext4. Undefined when the kernel would not mount it, because its superblock is
 * damaged.
 */
export function mountableLabel(superblock: Uint8Array): string | undefined {
  const label = readLabel(superblock);
  const isValid = !hasChecksum(superblock) || checksumOf(superblock) === storedChecksum(superblock);
  return isValid ? label : undefined;
}

/**
 * Returns the bytes that give a file system another label. Without metadata checksums they are the label alone, which
 * lies in one sector of 512 bytes: a power cut leaves the old or the new label. With metadata checksums they are the
 * whole superblock. A power cut can leave a superblock with a wrong checksum, and the kernel refuses such a file system
 * until the bytes are written again. The backups of the superblock keep the old label, as after tune2fs. Throws
 * BadFileSystem when there is no superblock.
 */
export function relabel(superblock: Uint8Array, label: string): Patch {
  if (readLabel(superblock) === undefined) throw new BadFileSystem("it has no ext4 superblock");
  const bytes = new Uint8Array(LABEL_BYTES_MAX);
  const { read, written } = new TextEncoder().encodeInto(label, bytes);
  assert(read === label.length && written <= LABEL_BYTES_MAX, "a label has at most 16 bytes");
  if (!hasChecksum(superblock))
    return { offsetBytes: SUPERBLOCK_OFFSET_BYTES + LABEL_OFFSET, bytes };
  const whole = superblock.slice(0, SUPERBLOCK_BYTES);
  whole.set(bytes, LABEL_OFFSET);
  put(viewOf(whole), SUPERBLOCK.checksum, checksumOf(whole));
  return { offsetBytes: SUPERBLOCK_OFFSET_BYTES, bytes: whole };
}

export function hasChecksum(superblock: Uint8Array): boolean {
  return (get(viewOf(superblock), SUPERBLOCK.readOnlyCompatible) & METADATA_CHECKSUMS) !== 0;
}

function storedChecksum(superblock: Uint8Array): number {
  return get(viewOf(superblock), SUPERBLOCK.checksum);
}

function checksumOf(superblock: Uint8Array): number {
  return crc32c(CRC_START, superblock, 0, CHECKSUMMED_BYTES);
}
