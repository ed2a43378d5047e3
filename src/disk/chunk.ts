import { KiB } from "../lib/units.ts";
import { PARCEL_BYTES } from "../system/outbox.ts";

/** The block size of slots and of their file systems. No device has larger sectors. */
export const BLOCK_BYTES = 4 * KiB;
/**
 * The unit for allocating, writing, hashing and comparing data. Chunks are aligned in the slot. No range crosses the
 * end of a chunk.
 */
export const CHUNK_BYTES = PARCEL_BYTES;
export const CHUNK_BLOCKS = CHUNK_BYTES / BLOCK_BYTES;
