import { detectLoader } from "../boot/detect.ts";
import { tandemEsp } from "../boot/esp/choose-esp.ts";
import type { Esp } from "../boot/esp/esp.ts";
import type { Loader } from "../boot/loader.ts";
import { type LoaderChoice, LOADERS } from "../boot/loaders.ts";
import { type Control, openControl } from "../control/control.ts";
import { defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import { type Labels, openSlots, type Slots } from "../slot/slots.ts";
import type { BlockFile } from "../system/block-file.ts";
import { errnoOf } from "../system/failure.ts";
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
  readonly bootloader?: LoaderChoice;
  /** The loaders that are looked for; all that tandem knows unless a test brings its own. */
  readonly loaders?: readonly Loader[];
}

/** Opens the disk that is worked on. The caller closes it. Throws `disk` when it is not laid out for tandem, `boot` without a loader. */
export function openMachine(
  system: System,
  options: MachineOptions & { readonly write: boolean },
): Machine {
  const slots = openSlots(system, options);
  const partition = openControlPartition(slots, options);
  try {
    return machineOf(system, { slots, control: openControl(partition), partition }, options);
  } catch (error) {
    partition.close();
    throw error;
  }
}

/** Whoever has it for writing has the lock on the disk, by whatever name of the disk. */
function openControlPartition(slots: Slots, { write }: { readonly write: boolean }): BlockFile {
  try {
    return slots.open(slots.control, { write });
  } catch (error) {
    if (!(error instanceof TandemError) || errnoOf(error.cause) !== "EBUSY") throw error;
    const { label } = slots.control;
    throw new TandemError(
      "locked",
      `Cannot lock ${slots.diskPath}: another run or program holds its partition "${label}"`,
      { cause: error, hint: "Wait until it has ended, or end it." },
    );
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
  const { loaders = LOADERS, bootloader = "auto", write } = options;
  const { files, durable } = system;
  const ownMarks = (esp: Esp): string[] => loaders.flatMap((one) => one.ownMarks(esp));
  const esp = tandemEsp({ files, durable, ownMarks }, slots);
  const detected = detectLoader(loaders, bootloader, esp.open);
  const places = { loaderData: control.loaderData, controlNumber: slots.control.number, esp };
  const loader = detected.loader.open(places, { write });
  return {
    system,
    diskPath: slots.diskPath,
    slots: slots.slots,
    booted: slots.booted,
    cmdline: {
      ...slots.cmdline,
      ...loader.account({ slot: slots.booted, cmdline: slots.cmdline }),
    },
    ...control,
    loader,
    loaderSeen: detected.seen,
    esp,
    limit: options.limit,
    openSlot(slot, access) {
      const found = defined(slots.slots[slot], `slot ${slot}`);
      const { path, offsetBytes } = slots.place(found);
      return { block: slots.open(found, access), path, offsetBytes };
    },
    close() {
      loader.close();
      partition.close();
    },
  };
}

/** Between two tries to get a lock that somebody else holds. */
const LOCK_PAUSE_SECONDS = 1;

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
  const guarded = (machine: Machine): T | Promise<T> => {
    if (!allowNew) refuseNewDisk(machine);
    return action(machine);
  };
  if (!write) {
    const machine = openMachine(system, { ...options, disk: path, write });
    try {
      return await perform(machine, talk, guarded);
    } finally {
      machine.close();
    }
  }
  talk.progress({ step: `Waiting for the lock on ${path}` });
  const { machine, lock } = await lockMachine(system, path, options);
  try {
    return await perform(machine, talk, async () => {
      await repair(machine, talk);
      return guarded(machine);
    });
  } finally {
    machine.close();
    lock.release();
  }
}

async function perform<T>(
  machine: Machine,
  talk: Talk,
  action: (machine: Machine) => T | Promise<T>,
): Promise<T> {
  talk.debug(
    `Working on ${machine.diskPath}, booted slot: ${machine.booted ?? "none of this disk"}`,
  );
  talk.debug(`Boot loader: ${machine.loader.name} (${machine.loaderSeen})`);
  return action(machine);
}

interface LockedMachine {
  readonly machine: Machine;
  readonly lock: { release(): void };
}

/** Two locks: flock(2) is what other programs ask for, and the hold on the control partition is the same by every name of a device. */
async function lockMachine(
  system: System,
  path: string,
  options: MachineOptions & MachineUse,
): Promise<LockedMachine> {
  for (;;) {
    try {
      return await lockOnce(system, path, options);
    } catch (error) {
      if (!isLocked(error) || options.whileLocked === undefined) throw error;
      options.whileLocked();
    }
  }
}

async function lockOnce(
  system: System,
  path: string,
  options: MachineOptions & Pick<MachineUse, "whileLocked">,
): Promise<LockedMachine> {
  const lock = await system.lock(path);
  try {
    const machine = openMachine(system, { ...options, disk: path, write: true });
    return { machine, lock };
  } catch (error) {
    lock.release();
    // Only the first lock has waited by itself.
    if (isLocked(error) && options.whileLocked !== undefined)
      await system.probe.pause(LOCK_PAUSE_SECONDS);
    throw error;
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof TandemError && error.code === "locked";
}

/** A cut may have come between the boot loader's own files and the boot record. */
async function repair({ loader }: Machine, talk: Talk): Promise<void> {
  const unfinished = loader.unfinished();
  if (unfinished !== undefined) talk.info(`An earlier run was cut off: ${unfinished}`);
  await loader.repair();
}
