import { LABEL_BYTES_MAX } from "../ext4/superblock.ts";
import { LABELS } from "../slot/labels.ts";
import type { SlotName } from "../slot/slot.ts";

/** The label of the file system that an upgrade makes in a slot: the default label of the slot. */
export function labelOf(slot: SlotName): string {
  return LABELS[slot].slice(0, LABEL_BYTES_MAX);
}
