import type { BlockFile } from "../system/block-file.ts";
import { blockMemory } from "./block-memory.ts";
import { LoaderData } from "./loader-data.ts";
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

/** Both in the control partition. Throws `disk` when it is too small. */
export function openControl(partition: BlockFile): Control {
  const memory = new Memory(blockMemory(partition));
  return { memory, loaderData: new LoaderData(partition, () => memory.genReached) };
}

/** Makes both as on a new disk. What was there is gone, so it must not be a disk in use. */
export async function formatControl(
  control: Control,
  { record, state }: { readonly record: NextRecord; readonly state: State },
): Promise<void> {
  await emptyControl(control);
  await control.loaderData.commitRecord(record);
  await control.memory.writeState(state);
}

/** Makes both all zeros, as on a new disk: only where no slot holds a system. A cut leaves a part of what was there. Throws `disk`. */
export async function emptyControl({ loaderData, memory }: Control): Promise<void> {
  await loaderData.empty();
  await memory.empty();
}
