import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import { originOf } from "../control/origin.ts";
import { emptyState, type State } from "../control/state.ts";
import { readLabel, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET_BYTES } from "../ext4/superblock.ts";
import { TandemError } from "../lib/error.ts";
import { readBlock } from "../system/block-file.ts";
import { labelOf } from "./label.ts";
import type { Machine } from "./machine.ts";

export const NO_SYSTEM = "there is no system on it yet";

/**
 * Whether no system was ever installed on the disk: its control partition is all zeros, or the first upgrade has begun and not ended. A
 * control partition that was wiped is all zeros, too, but then the machine runs from the disk, the boot loader has entries, or slots hold
 * file systems of ours: that is a case for doctor.
 */
export function isNewDisk(machine: Machine): boolean {
  if (!isWithoutRecord(machine)) return false;
  switch (originOf(machine)) {
    case "used":
      return false;
    case "begun":
      return true;
    case "blank":
      return !hasSlotOfOurs(machine);
  }
}

/**
 * Whether the control partition holds only what nobody needs: neither a record nor the state of a newer tandem, while no slot has a file
 * system of ours and the machine does not run from the disk. Emptied, it is that of a new disk.
 */
export function hasLeftovers(machine: Machine): boolean {
  return (
    originOf(machine) === "used" &&
    machine.memory.newerVersion === undefined &&
    isWithoutRecord(machine) &&
    !hasSlotOfOurs(machine)
  );
}

/** Nothing boots from it: there is no record, no entry that stands in for one, and the machine does not run from it. */
function isWithoutRecord({ loaderData, booted, loader }: Machine): boolean {
  return (
    loaderData.record === undefined && booted === undefined && loader.unfinished() === undefined
  );
}

/** The state; of a new disk that nothing was written to yet, that of empty slots. */
export function stateOf(machine: Machine): State {
  const { memory } = machine;
  return originOf(machine) === "blank" && isNewDisk(machine) ? emptyState() : memory.state;
}

/** For all that needs a system to work on. Throws `disk`. */
export function refuseNewDisk(machine: Machine): void {
  if (!isNewDisk(machine)) return;
  const { diskPath } = machine;
  throw new TandemError("disk", `Cannot work on ${diskPath}: ${NO_SYSTEM}`, {
    hint: `Install the first one: tandem upgrade --disk ${diskPath} --source IMAGE.`,
  });
}

function hasSlotOfOurs(machine: Machine): boolean {
  return SLOT_NAMES.some((slot) => isOurs(machine, slot));
}

/** By its superblock alone: the rest of it may be damaged. */
function isOurs(machine: Machine, slot: SlotName): boolean {
  if (machine.slots[slot] === undefined) return false;
  const { block } = machine.openSlot(slot, { write: false });
  try {
    const bytes = readBlock(block, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES);
    return readLabel(bytes) === labelOf(slot);
  } finally {
    block.close();
  }
}
