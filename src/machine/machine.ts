import type { Bootloader } from "../boot/bootloader.ts";
import type { TandemEsp } from "../boot/esp/choose-esp.ts";
import type { Control } from "../control/control.ts";
import type { BootRecord } from "../control/record.ts";
import type { Policy } from "../control/decide.ts";
import {
  bootableSlots,
  isBootable,
  type NewEvent,
  type State,
  withEvent,
} from "../control/state.ts";
import type { WriteTarget } from "../disk/write-target.ts";
import { TandemError } from "../lib/error.ts";
import type { Layout, Slot, Staging } from "../slot/layout.ts";
import type { Cmdline } from "../slot/cmdline.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { System } from "../system/system.ts";

/** An opened disk, and how this machine has booted. */
export interface Machine extends Control {
  readonly system: System;
  readonly diskPath: string;
  readonly slots: Readonly<Partial<Record<SlotName, Slot>>>;
  /** Undefined when this machine does not run from this disk. */
  readonly booted: SlotName | undefined;
  /** How `booted` is known. */
  readonly bootedBy: Layout["bootedBy"];
  /** The kernel command line. What the boot loader could not put there comes from the counts in its own files. */
  readonly cmdline: Cmdline;
  readonly loader: Bootloader;
  /** How the boot loader was recognised. */
  readonly loaderSeen: string;
  readonly esp: TandemEsp;
  /** Undefined: a new system is written over an old one. */
  readonly staging: Staging | undefined;
  /** The configured number of boots of the good slot without a verdict. Undefined for the number in the record. */
  readonly limit: number | undefined;
  /** Opens a slot. The caller closes its block file. Throws "disk", also to write a slot that is mounted. */
  openSlot(slot: SlotName, options: { readonly write: boolean }): WriteTarget;
  close(): void;
}

/** The record in force. Throws "boot" when both copies are lost. */
export function recordOf({ loaderData, diskPath }: Machine): BootRecord {
  const { record } = loaderData;
  if (record !== undefined) return record;
  throw new TandemError(
    "boot",
    `Cannot read the boot record of ${diskPath}: ${loaderData.recordProblems.join("; ")}`,
    {
      hint: "Run tandem mark good in the slot that is to be kept, or from elsewhere tandem doctor --fix: both write a new record.",
    },
  );
}

/** The record in force, with the configured limit. Throws "boot" when both copies are lost. */
export function limitedRecordOf(machine: Machine): BootRecord {
  const record = recordOf(machine);
  return { ...record, limit: machine.limit ?? record.limit };
}

/** What the next record depends on, beside the record in force. */
export function policyOf(machine: Machine): Policy {
  const { loaderData, memory, limit } = machine;
  const bootable = bootableSlots(memory.state);
  return {
    limit: limit ?? loaderData.record?.limit ?? 0,
    bootable: hasOthersRecovery(machine) ? [...bootable, "recovery"] : bootable,
  };
}

/** The installer of Kairos makes the recovery system. It never boots while the others do, so it never gets a verdict. */
function hasOthersRecovery({ staging, slots, memory }: Machine): boolean {
  const { recovery } = memory.state.slots;
  return (
    staging !== undefined &&
    slots.recovery !== undefined &&
    recovery.status === "unknown" &&
    recovery.verdict === undefined
  );
}

/** Adds an event to the history, and writes the state. */
export async function note(machine: Machine, event: Omit<NewEvent, "at">): Promise<void> {
  const at = machine.system.now().toISOString();
  await machine.memory.writeState(withEvent(machine.memory.state, { ...event, at }));
}

/** The digests of the images in slots that were written, compared, and not found bad since. */
export function slotDigests(state: State): Map<SlotName, string> {
  const digests = new Map<SlotName, string>();
  for (const name of SLOT_NAMES) {
    const slot = state.slots[name];
    if (slot.status === "written" && isBootable(slot)) digests.set(name, slot.digest);
  }
  return digests;
}
