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
import type { Slot } from "../slot/layout.ts";
import type { Cmdline } from "../slot/cmdline.ts";
import type { SlotName } from "../slot/slot.ts";
import type { System } from "../system/system.ts";

/** The disk that is worked on, and how the machine came up. */
export interface Machine extends Control {
  readonly system: System;
  readonly diskPath: string;
  readonly slots: Readonly<Partial<Record<SlotName, Slot>>>;
  /** undefined: this machine does not run from that disk. */
  readonly booted: SlotName | undefined;
  /** What the boot loader said of this boot, or what its count says. */
  readonly cmdline: Cmdline;
  readonly loader: Bootloader;
  /** How it is known that it is this loader. */
  readonly loaderSeen: string;
  readonly esp: TandemEsp;
  /** Boots for the good slot without a verdict, as configured; undefined: as the record has it. */
  readonly limit: number | undefined;
  /** Opens a slot; the caller closes its block. Throws `disk`, also when it is to be written and is mounted. */
  openSlot(slot: SlotName, options: { readonly write: boolean }): WriteTarget;
  close(): void;
}

/** The record in force. Throws `boot` when both copies are lost. */
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

/** The record that a decision starts from: the one in force with the configured limit. Throws `boot` when both copies are lost. */
export function limitedRecordOf(machine: Machine): BootRecord {
  const record = recordOf(machine);
  return { ...record, limit: machine.limit ?? record.limit };
}

/** What the next record is made by. */
export function policyOf({ loaderData, memory, limit }: Machine): Policy {
  return {
    limit: limit ?? loaderData.record?.limit ?? 0,
    bootable: bootableSlots(memory.state),
  };
}

/** Adds one event to the history, and writes the state. */
export async function note(machine: Machine, event: Omit<NewEvent, "at">): Promise<void> {
  const at = machine.system.now().toISOString();
  await machine.memory.writeState(withEvent(machine.memory.state, { ...event, at }));
}

/** The digests that slots hold whole: written, compared, and not found bad since. */
export function heldDigests(state: State): Map<SlotName, string> {
  const held = new Map<SlotName, string>();
  for (const name of ["a", "b", "recovery"] as const) {
    const slot = state.slots[name];
    if (slot.status === "written" && isBootable(slot)) held.set(name, slot.digest);
  }
  return held;
}
