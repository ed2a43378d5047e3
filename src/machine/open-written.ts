import { LABEL_BYTES_MAX, LABEL_OFFSET, SUPERBLOCK_OFFSET_BYTES } from "../ext4/superblock.ts";
import type { WrittenSlot } from "../control/state.ts";
import type { SlotName } from "../slot/slot.ts";
import type { BlockFile } from "../system/block-file.ts";
import type { Machine } from "./machine.ts";

/**
 * Opens a slot to compare it with what was written. A staged system gets another label when it changes its slot: the
 * label that its slot has is read as the one that was written. The caller closes the block file. Throws "disk".
 */
export function openWritten(
  { openSlot, slots, staging }: Pick<Machine, "openSlot" | "slots" | "staging">,
  slot: SlotName,
  { label: written }: Pick<WrittenSlot, "label">,
): BlockFile {
  const { block } = openSlot(slot, { write: false });
  const label = slots[slot]?.label;
  if (staging === undefined || label === undefined || label === written) return block;
  return withLabel(block, { from: labelBytes(label), to: labelBytes(written) });
}

interface Swapped {
  readonly from: Buffer;
  readonly to: Buffer;
}

function withLabel(block: BlockFile, labels: Swapped): BlockFile {
  return {
    ...block,
    readInto(offsetBytes, target) {
      block.readInto(offsetBytes, target);
      replaceLabel(target, offsetBytes, labels);
    },
    async read(offsetBytes, target) {
      const way = await block.read(offsetBytes, target);
      replaceLabel(target, offsetBytes, labels);
      return way;
    },
  };
}

/** Any other label is a difference to what was written. */
function replaceLabel(bytes: Uint8Array, offsetBytes: number, { from, to }: Swapped): void {
  const start = SUPERBLOCK_OFFSET_BYTES + LABEL_OFFSET - offsetBytes;
  if (start < 0 || start + LABEL_BYTES_MAX > bytes.byteLength) return;
  const place = bytes.subarray(start, start + LABEL_BYTES_MAX);
  if (from.equals(place)) place.set(to);
}

function labelBytes(label: string): Buffer {
  return Buffer.from(label.padEnd(LABEL_BYTES_MAX, "\0"));
}
