import { grub } from "../boot/grub.ts";
import { Control } from "../control/control.ts";
import { defined } from "../lib/assert.ts";
import type { Talk } from "../lib/talk.ts";
import { type Labels, openSlots } from "../slot/slots.ts";
import type { System } from "../system/system.ts";
import type { Machine } from "./machine.ts";

export interface MachineOptions {
  /** A block device or a disk-image file; undefined: the disk that this machine runs from. */
  readonly disk?: string | undefined;
  readonly labels?: Labels;
  /** Boots for the good slot without a verdict; 0: no limit; undefined: as the record has it. */
  readonly limit?: number | undefined;
}

/** Opens the disk that is worked on. The caller closes it. Throws `disk` when it is not laid out for tandem. */
export function openMachine(
  system: System,
  options: MachineOptions & { readonly write: boolean },
): Machine {
  const slots = openSlots(system, options);
  const partition = slots.open(slots.control, options);
  const control = Control.open(partition);
  return {
    system,
    diskPath: slots.diskPath,
    slots: slots.slots,
    booted: slots.booted,
    cmdline: slots.cmdline,
    control,
    loader: grub(control),
    limit: options.limit,
    openSlot(slot, access) {
      const found = defined(slots.slots[slot], `slot ${slot}`);
      const { path, offsetBytes } = slots.place(found);
      return { block: slots.open(found, access), path, offsetBytes };
    },
    close: () => partition.close(),
  };
}

/** Does `action` on the machine's disk: with the disk's lock, or only reading. */
export async function withMachine<T>(
  { system, talk }: { readonly system: System; readonly talk: Talk },
  options: MachineOptions & { readonly lock: boolean },
  action: (machine: Machine) => T | Promise<T>,
): Promise<T> {
  const { lock: write } = options;
  // Found by reading alone; locked; and only then read again to be trusted.
  const path = openSlots(system, options).diskPath;
  const lock = write ? await system.lock(path) : undefined;
  try {
    const machine = openMachine(system, { ...options, disk: path, write });
    try {
      talk.debug(`Working on ${path}, booted slot: ${machine.booted ?? "none of this disk"}`);
      return await action(machine);
    } finally {
      machine.close();
    }
  } finally {
    lock?.release();
  }
}
