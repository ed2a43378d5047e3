import type { AddressForm } from "../slot/address.ts";
import type { ControlPlaces } from "../slot/layout.ts";
import type { DurableFiles } from "../system/durable-files.ts";
import { blockMemory } from "./block-memory.ts";
import { folderMemory } from "./folder-memory.ts";
import { LoaderData } from "./loader-data.ts";
import type { MemoryStorage } from "./memory-storage.ts";
import { Memory } from "./memory.ts";
import type { NextRecord } from "./record.ts";
import type { State } from "./state.ts";

/** What decides which slot boots, and what is known of each slot. */
export interface Control {
  /** What the boot loader reads. */
  readonly loaderData: LoaderData;
  /** What tandem remembers. */
  readonly memory: Memory;
}

interface ControlOptions {
  readonly addressForm: AddressForm;
  /** For a memory in files. */
  readonly files: DurableFiles;
  /** What a stored state means for the slots as they are now. Undefined: what it says. */
  readonly follow?: ((state: State) => State) | undefined;
}

/** Reads both from the places of a layout. Throws "disk" when a place is too small or cannot be read. */
export function openControl(
  places: Pick<ControlPlaces, "loaderData" | "memory">,
  { addressForm, files, follow }: ControlOptions,
): Control {
  const memory = new Memory(storageOf(places.memory, files), follow);
  const genReached = (): number => memory.genReached;
  return { memory, loaderData: new LoaderData(places.loaderData, { addressForm, genReached }) };
}

function storageOf(place: ControlPlaces["memory"], files: DurableFiles): MemoryStorage {
  return "block" in place ? blockMemory(place.block) : folderMemory(files, place.folder);
}

/** Overwrites both with a first record and a first state: only for a disk that is not in use. */
export async function formatControl(
  control: Control,
  { record, state }: { readonly record: NextRecord; readonly state: State },
): Promise<void> {
  await emptyControl(control);
  await control.loaderData.commitRecord(record);
  await control.memory.writeState(state);
}

/**
 * Makes both as on a new disk: only where no slot holds a system. A power cut leaves a part of the old content. Throws
 * "disk".
 */
export async function emptyControl({ loaderData, memory }: Control): Promise<void> {
  await loaderData.empty();
  await memory.empty();
}
