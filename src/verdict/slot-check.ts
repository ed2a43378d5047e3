import { UUID_PLACE } from "../ext4/superblock.ts";
import { uuidBytes } from "../ext4/identity.ts";
import type { Check } from "../health/check.ts";
import { reasonOf } from "../lib/error.ts";
import { readBlock } from "../system/block-file.ts";
import type { Machine } from "../machine/machine.ts";
import type { SlotName } from "../slot/slot.ts";

/**
 * Whether what runs is what tandem put there: the slot is whole, and its file system is the one made from the image's
 * digest.
 */
export function slotCheck(machine: Machine, slot: SlotName): Check {
  return {
    name: `slot ${slot}`,
    required: true,
    run: () => Promise.resolve({ failure: attempt(machine, slot), output: "" }),
  };
}

function attempt(machine: Machine, slot: SlotName): string | undefined {
  try {
    return flawOf(machine, slot);
  } catch (error) {
    return `could not be read: ${reasonOf(error)}`;
  }
}

function flawOf(machine: Machine, slot: SlotName): string | undefined {
  const slotState = machine.memory.state.slots[slot];
  switch (slotState.status) {
    // This version of tandem has not filled the slot, so there is nothing to compare.
    case "empty":
    case "unknown":
    case "other":
      return undefined;
    case "writing":
      return "runs, but writing it was never finished";
    case "written":
      return Buffer.compare(uuidOf(machine, slot), uuidBytes(slotState.uuid)) === 0
        ? undefined
        : `holds another file system than that of ${slotState.digest}`;
  }
}

function uuidOf(machine: Machine, slot: SlotName): Uint8Array {
  const { block } = machine.openSlot(slot, { write: false });
  try {
    return readBlock(block, UUID_PLACE.offsetBytes, UUID_PLACE.sizeBytes);
  } finally {
    block.close();
  }
}
