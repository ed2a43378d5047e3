import { detectLoader } from "../boot/detect.ts";
import { tandemEsp } from "../boot/esp/choose-esp.ts";
import type { Esp } from "../boot/esp/esp.ts";
import type { Loader } from "../boot/loader.ts";
import { type LoaderChoice, LOADERS } from "../boot/loaders.ts";
import { openControl } from "../control/control.ts";
import { TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import type { ControlPlaces, Layout } from "../slot/layout.ts";
import { type LayoutOptions, openLayout } from "../slot/layouts.ts";
import type { System } from "../system/system.ts";
import type { Machine } from "./machine.ts";
import { refuseNewDisk } from "./new-disk.ts";

export interface MachineOptions extends LayoutOptions {
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
  const layout = openLayout(system, options);
  const places = layout.openControl(options);
  try {
    return machineOf(system, { layout, places }, options);
  } catch (error) {
    places.close();
    throw error;
  }
}

interface Opened {
  readonly layout: Layout;
  readonly places: ControlPlaces;
}

function machineOf(
  system: System,
  { layout, places }: Opened,
  options: MachineOptions & { readonly write: boolean },
): Machine {
  const { loaders = LOADERS, bootloader = "auto", write } = options;
  const { files, durable } = system;
  const { diskPath, slots, booted, cmdline, addressForm, loaderDataAddress } = layout;
  const control = openControl(places, { addressForm, files: durable });
  const ownMarks = (esp: Esp): string[] => loaders.flatMap((one) => one.ownMarks(esp));
  const esp = tandemEsp({ files, durable, ownMarks }, layout);
  const detected = detectLoader(loaders, bootloader, esp.open);
  const { loaderData } = control;
  const loader = detected.loader.open({ loaderData, loaderDataAddress, esp }, { write });
  return {
    system,
    diskPath,
    slots,
    booted,
    cmdline: { ...cmdline, ...loader.summarize({ slot: booted, cmdline }) },
    ...control,
    loader,
    loaderSeen: detected.seen,
    esp,
    limit: options.limit,
    openSlot: (slot, access) => layout.openSlot(slot, access),
    close() {
      loader.close();
      places.close();
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
