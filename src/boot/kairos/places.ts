/** Where the files lie that decide what a Kairos machine boots. */
import type { LoaderData } from "../../control/loader-data.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { MountedFiles } from "../../system/mounted-files.ts";
import type { EnvFile } from "../grub/env-file.ts";

/** What the loader of a Kairos machine works with. */
export interface KairosPlaces {
  readonly loaderData: LoaderData;
  /** The folder where COS_STATE is mounted. */
  readonly state: string;
  /** The folder where COS_OEM is mounted. Undefined when there is none, or when GRUB cannot read it: LUKS, LVM. */
  readonly oem: string | undefined;
  /** The folder where COS_RECOVERY is mounted. Undefined when it is not. */
  readonly recovery?: string | undefined;
  readonly files: MountedFiles;
  /** The kernel's name of this boot, from /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
  /** The kernel command line. */
  readonly cmdline: string;
  /** The slot that runs now. Undefined when this machine does not run from this disk. */
  readonly booted: SlotName | undefined;
  /** false: the new system of the trial lies in `transition` yet, so `active` is the system before it. */
  readonly isSwapped: () => boolean;
  /** A hook gives a verdict on each boot. Without one nobody clears a count, and it would run out on a sound machine. */
  readonly givesVerdicts?: boolean;
  /** Why nothing can be written here, for people. */
  readonly readOnlyReason?: string | undefined;
}

/** The menu entries of Kairos, by their `--id`. */
export type MenuEntry = "cos" | "fallback" | "recovery";

const ENTRIES: Readonly<Partial<Record<SlotName, MenuEntry>>> = {
  active: "cos",
  passive: "fallback",
  recovery: "recovery",
};

/** The menu entry that starts the slot. */
export function entryOf(slot: SlotName): MenuEntry | undefined {
  return ENTRIES[slot];
}

/** The folder of tandem on COS_STATE. */
export const TANDEM_FOLDER = "tandem";

/** A file in the root of COS_STATE. */
export function onState({ state, files }: KairosPlaces, name: string): EnvFile {
  return { path: `${state}/${name}`, folder: state, files };
}

/** A file in tandem's folder. */
export function inTandem({ state, files }: KairosPlaces, name: string): EnvFile {
  const folder = `${state}/${TANDEM_FOLDER}`;
  return { path: `${folder}/${name}`, folder, files };
}

export function exists({ path, files }: EnvFile): boolean {
  return files.stat(path) !== undefined;
}

/** The variables of GRUB's assessment. */
export function assessmentFile(places: KairosPlaces): EnvFile {
  return onState(places, "boot_assessment");
}

/**
 * The file with next_entry. GRUB searches all disks for a file named /grubenv and takes the first one, so an existing
 * file is kept, and COS_OEM, which comes first on the disk, goes before COS_STATE.
 */
export function nextEntryFile(places: KairosPlaces): EnvFile {
  const [first, ...others] = grubenvFiles(places);
  return [first, ...others].find((file) => exists(file)) ?? first;
}

/** Every place of a /grubenv that GRUB can find on this disk, in the order of its search. */
export function grubenvFiles(places: KairosPlaces): [EnvFile, ...EnvFile[]] {
  const { oem, files } = places;
  const state = onState(places, "grubenv");
  return oem === undefined ? [state] : [{ path: `${oem}/grubenv`, folder: oem, files }, state];
}
