import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import { originOf } from "../control/origin.ts";
import { emptyState, type State } from "../control/state.ts";
import { readLabel, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET_BYTES } from "../ext4/superblock.ts";
import { TandemError } from "../lib/error.ts";
import { readBlock } from "../system/block-file.ts";
import type { Machine } from "./machine.ts";

export const NO_SYSTEM = "there is no system on it yet";

/**
 * Whether no system was ever installed on the disk: record and state are blank, or the first upgrade has begun and not
 * ended. A control partition that was wiped is blank, too. But then the machine runs from the disk, the boot loader has
 * entries, or a slot has a file system by tandem, and doctor can repair the disk.
 */
export function isNewDisk(machine: Machine): boolean {
  if (!isWithoutRecord(machine)) return false;
  switch (originOf(machine)) {
    case "used":
      return false;
    case "begun":
      return true;
    case "blank":
      return !hasFileSystemByTandem(machine);
  }
}

/**
 * Whether record and state hold nothing of use: no valid record and no state of a newer tandem, while no slot has a
 * file system by tandem and the machine does not run from the disk. When they are emptied, the disk is a new one.
 */
export function hasLeftovers(machine: Machine): boolean {
  return (
    originOf(machine) === "used" &&
    machine.memory.newerVersion === undefined &&
    isWithoutRecord(machine) &&
    !hasFileSystemByTandem(machine)
  );
}

/**
 * Whether nothing boots from the disk: there is no record, no entry of a loader that replaces it, and no booted slot.
 */
function isWithoutRecord({ loaderData, booted, loader }: Machine): boolean {
  return (
    loaderData.record === undefined && booted === undefined && loader.unfinished() === undefined
  );
}

/** The state. On a blank disk that is a state with empty slots. */
export function stateOf(machine: Machine): State {
  const { memory } = machine;
  return originOf(machine) === "blank" && isNewDisk(machine) ? emptyState() : memory.state;
}

/** Throws "disk" when no system was ever installed. */
export function refuseNewDisk(machine: Machine): void {
  if (!isNewDisk(machine)) return;
  const { diskPath } = machine;
  throw new TandemError("disk", `Cannot work on ${diskPath}: ${NO_SYSTEM}`, {
    hint: `Install the first one: tandem upgrade --disk ${diskPath} --source IMAGE.`,
  });
}

function hasFileSystemByTandem(machine: Machine): boolean {
  return SLOT_NAMES.some((slot) => isByTandem(machine, slot));
}

/** Looks at the superblock alone: the rest of the file system may be damaged. */
function isByTandem(machine: Machine, slot: SlotName): boolean {
  const place = machine.slots[slot];
  if (place === undefined) return false;
  const { block } = machine.openSlot(slot, { write: false });
  try {
    const bytes = readBlock(block, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES);
    return readLabel(bytes) === place.label;
  } finally {
    block.close();
  }
}
