import { TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import { openLayout } from "../slot/layouts.ts";
import type { System } from "../system/system.ts";
import type { Machine } from "./machine.ts";
import { refuseNewDisk } from "./new-disk.ts";
import { type MachineOptions, openMachine } from "./open-machine.ts";

/** The pause between two attempts to get the lock. */
const LOCK_PAUSE_SECONDS = 1;

/** How a verb works on the disk. */
export interface MachineUse {
  /** Take the lock of the disk. Without the lock the disk is only read. */
  readonly lock: boolean;
  /**
   * Called every few seconds while another run has the lock; may throw. Undefined: a lock of another run is an error.
   */
  readonly whileLocked?: (() => void) | undefined;
  /** Also work on a disk on which no system was installed. */
  readonly allowNew?: boolean;
}

/** Opens the disk for `action`, and closes it. Throws "disk" when a system is needed and none was ever installed. */
export async function withMachine<T>(
  { system, talk }: { readonly system: System; readonly talk: Talk },
  options: MachineOptions & MachineUse,
  action: (machine: Machine) => T | Promise<T>,
): Promise<T> {
  const { lock: write, allowNew = false } = options;
  // The first look finds the disk without a lock. Everything is read again after the lock is taken.
  const path = openLayout(system, options).diskPath;
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
  const { diskPath, booted, bootedBy } = machine;
  const slot = booted === undefined ? "none of this disk" : `${booted} (seen by: ${bootedBy})`;
  talk.debug(`Working on ${diskPath}, booted slot: ${slot}`);
  talk.debug(`Boot loader: ${machine.loader.name} (${machine.loaderSeen})`);
  return action(machine);
}

interface LockedMachine {
  readonly machine: Machine;
  readonly lock: { release(): void };
}

/**
 * Takes two locks: flock(2), which other programs ask for, and the hold on the control partition, which counts for all
 * names of a disk.
 */
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
    // lock() waits by itself; the hold on the control partition does not.
    if (isLocked(error) && options.whileLocked !== undefined)
      await system.probe.pause(LOCK_PAUSE_SECONDS);
    throw error;
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof TandemError && error.code === "locked";
}

/**
 * A power cut may have come between the boot loader's own files and the boot record, or while a system got its slot. On Kairos a
 * stock stage changes such a file in each boot.
 */
async function repair({ loader, staging }: Machine, talk: Talk): Promise<void> {
  staging?.finish();
  const unfinished = loader.unfinished();
  if (unfinished !== undefined)
    talk.info(`Putting right what does not fit the boot record: ${unfinished}`);
  await loader.repair();
}
