import type { Bootloader } from "../boot/bootloader.ts";
import { type Detected, detectLoader, type LoaderWish } from "../boot/detect.ts";
import { grub } from "../boot/grub.ts";
import { openEsp } from "../boot/open-esp.ts";
import { systemdBoot } from "../boot/systemd-boot.ts";
import { Control } from "../control/control.ts";
import { defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import { type Labels, openSlots, type Slots } from "../slot/slots.ts";
import type { BlockFile } from "../system/block-file.ts";
import type { DurableFiles } from "../system/durable-files.ts";
import type { System } from "../system/system.ts";
import type { Machine } from "./machine.ts";
import { refuseNewDisk } from "./new-disk.ts";

export interface MachineOptions {
  /** A block device or a disk-image file; undefined: the disk that this machine runs from. */
  readonly disk?: string | undefined;
  readonly labels?: Labels;
  /** Boots for the good slot without a verdict; 0: no limit; undefined: as the record has it. */
  readonly limit?: number | undefined;
  /** "auto", which is the default: as the files on the EFI system partition tell. */
  readonly bootloader?: LoaderWish;
}

/** Opens the disk that is worked on. The caller closes it. Throws `disk` when it is not laid out for tandem, `boot` without a loader. */
export function openMachine(
  system: System,
  options: MachineOptions & { readonly write: boolean },
): Machine {
  const slots = openSlots(system, options);
  const partition = slots.open(slots.control, options);
  try {
    return machineOf(system, { slots, control: Control.open(partition), partition }, options);
  } catch (error) {
    partition.close();
    throw error;
  }
}

interface Opened {
  readonly slots: Slots;
  readonly control: Control;
}

function machineOf(
  system: System,
  { slots, control, partition }: Opened & { readonly partition: BlockFile },
  options: MachineOptions & { readonly write: boolean },
): Machine {
  const { loader, detected, close } = openLoader(system, { slots, control }, options);
  return {
    system,
    diskPath: slots.diskPath,
    slots: slots.slots,
    booted: slots.booted,
    cmdline: {
      ...slots.cmdline,
      ...loader.account({ slot: slots.booted, cmdline: slots.cmdline }),
    },
    control,
    loader,
    loaderSeen: detected.seen,
    limit: options.limit,
    openSlot(slot, access) {
      const found = defined(slots.slots[slot], `slot ${slot}`);
      const { path, offsetBytes } = slots.place(found);
      return { block: slots.open(found, access), path, offsetBytes };
    },
    close() {
      close();
      partition.close();
    },
  };
}

interface OpenLoader {
  readonly loader: Bootloader;
  readonly detected: Detected;
  readonly close: () => void;
}

/** The ESP stays open only for a loader that lives there. */
function openLoader(
  { durable }: System,
  { slots, control }: Opened,
  { bootloader = "auto", write }: MachineOptions & { readonly write: boolean },
): OpenLoader {
  const detected = detectOn(durable, slots, bootloader);
  const esp = detected.name === "systemd-boot" ? openEsp(durable, slots, { write }) : undefined;
  if (esp === undefined)
    return {
      loader: grub(control, () => openEsp(durable, slots, { write: false })),
      detected,
      close() {},
    };
  return { loader: systemdBoot(control, esp), detected, close: () => esp.close() };
}

function detectOn(files: DurableFiles, slots: Slots, wish: LoaderWish): Detected {
  // What is configured is not looked for: GRUB needs nothing of the ESP from us.
  if (wish === "grub") return detectLoader(undefined, wish);
  const esp = openEsp(files, slots, { write: false });
  try {
    return detectLoader(esp, wish);
  } finally {
    esp?.close();
  }
}

/** How a verb works on the disk. */
export interface MachineUse {
  /** With the disk's lock; otherwise only reading. */
  readonly lock: boolean;
  /** Called every few seconds while another run holds the lock, and may throw. undefined: that is an error at once. */
  readonly whileLocked?: (() => void) | undefined;
  /** Also on a disk that no system was installed on. */
  readonly allowNew?: boolean;
}

/** Does `action` on the machine's disk. Throws `disk` where a system is needed and there was never one. */
export async function withMachine<T>(
  { system, talk }: { readonly system: System; readonly talk: Talk },
  options: MachineOptions & MachineUse,
  action: (machine: Machine) => T | Promise<T>,
): Promise<T> {
  const { lock: write, allowNew = false } = options;
  // Found by reading alone; locked; and only then read again to be trusted.
  const path = openSlots(system, options).diskPath;
  if (write) talk.progress({ step: `Waiting for the lock on ${path}` });
  const lock = write ? await lockOf(system, path, options) : undefined;
  try {
    const machine = openMachine(system, { ...options, disk: path, write });
    try {
      talk.debug(`Working on ${path}, booted slot: ${machine.booted ?? "none of this disk"}`);
      talk.debug(`Boot loader: ${machine.loader.name} (${machine.loaderSeen})`);
      if (write) await repair(machine, talk);
      if (!allowNew) refuseNewDisk(machine);
      return await action(machine);
    } finally {
      machine.close();
    }
  } finally {
    lock?.release();
  }
}

async function lockOf(
  system: System,
  path: string,
  { whileLocked }: MachineUse,
): Promise<{ release(): void }> {
  for (;;) {
    try {
      return await system.lock(path);
    } catch (error) {
      const isHeld = error instanceof TandemError && error.code === "locked";
      if (!isHeld || whileLocked === undefined) throw error;
      whileLocked();
    }
  }
}

/** A cut may have come between the boot loader's own files and the boot record. */
async function repair({ loader }: Machine, talk: Talk): Promise<void> {
  const unfinished = loader.unfinished();
  if (unfinished !== undefined) talk.info(`An earlier run was cut off: ${unfinished}`);
  await loader.repair();
}
