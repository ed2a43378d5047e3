import type { WriteTarget } from "../disk/write-target.ts";
import { defined } from "../lib/assert.ts";
import type { Machine } from "../machine/machine.ts";
import type { StagedSystem } from "../slot/layout.ts";
import type { SlotName } from "../slot/slot.ts";

/** Where an upgrade writes the new system. */
export interface Target {
  /** The slot that holds it while it is written. */
  readonly slot: SlotName;
  /** The label of the new file system. */
  readonly label: string;
  /** Undefined: it is written over the old system. */
  readonly stage: StagedSystem | undefined;
  /** The caller closes the block file. */
  open(access: { readonly write: boolean }): WriteTarget;
}

/** Where the new system for `slot` is written. */
export function targetFor(machine: Machine, slot: SlotName): Target {
  const { slots, staging } = machine;
  if (staging === undefined || (slot !== "active" && slot !== "recovery")) {
    const { label } = defined(slots[slot], `slot ${slot}`);
    return { slot, label, stage: undefined, open: (access) => machine.openSlot(slot, access) };
  }
  const stage = staging.stage(slot);
  return { slot: "transition", label: stage.label, stage, open: (access) => stage.open(access) };
}
