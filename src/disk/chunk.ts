import { KiB } from "../lib/units.ts";
import { PARCEL_BYTES } from "../system/outbox.ts";

/** A slot is counted in blocks of this size, and its file system, too. No device has larger sectors. */
export const BLOCK_BYTES = 4 * KiB;
/** The unit of placing, writing, hashing and comparing data. Chunks are aligned in the slot. No range crosses the border of a chunk. */
export const CHUNK_BYTES = PARCEL_BYTES;
export const CHUNK_BLOCKS = CHUNK_BYTES / BLOCK_BYTES;
