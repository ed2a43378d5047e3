/** The memory in fixed areas of the control partition, which has no file system. */
import { writeThrough } from "../disk/write-through.ts";
import { TandemError } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";
import { BESIDE_BYTES } from "./beside.ts";
import { LOADER_DATA_BYTES } from "./loader-data.ts";
import type { MemoryStorage, MemoryPart } from "./memory-storage.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { sizeOfState } from "./state-copy.ts";

/** The offsets of the copies, behind the data of the boot loader. */
const OFFSET: Readonly<Record<MemoryPart, readonly [number, number]>> = {
  state: [0x10000, 0x80000],
  beside: [0xf0000, 0xf8000],
};
const BYTES_MIN = MiB;
/** The largest first state: it describes one slot, and a source whose path has at most 4 KiB. */
const FIRST_STATE_BYTES = 2 * BLOCK_BYTES;

/** Throws "disk" when the partition is too small. */
export function blockMemory(block: BlockFile): MemoryStorage {
  if (block.sizeBytes < BYTES_MIN)
    throw new TandemError(
      "disk",
      `Cannot use control partition ${block.name}: it has ${block.sizeBytes} bytes, needs ${BYTES_MIN}`,
    );
  return {
    read(part, copy) {
      const offset = OFFSET[part][copy];
      if (part === "beside") return readBlock(block, offset, BESIDE_BYTES);
      const firstBlock = readBlock(block, offset, BLOCK_BYTES);
      return readBlock(block, offset, sizeOfState(firstBlock));
    },
    write: (part, copy, bytes) => writeThrough(block, OFFSET[part][copy], bytes),
    isBlank() {
      const bytes = readBlock(block, 0, BYTES_MIN).subarray(OFFSET.state[0] + FIRST_STATE_BYTES);
      return bytes.every((byte) => byte === 0);
    },
    empty: () =>
      writeThrough(block, LOADER_DATA_BYTES, new Uint8Array(BYTES_MIN - LOADER_DATA_BYTES)),
  };
}
