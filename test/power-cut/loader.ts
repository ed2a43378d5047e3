/** Boots once with the model of a loader, and returns the booted machine. */
import type { LoaderName } from "../../src/boot/loaders.ts";
import { parseCmdline } from "../../src/slot/cmdline.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { LOADER_MODELS } from "../fakes/loader-models.ts";
import { machineWith } from "../fakes/whole-disk.ts";

export interface Started {
  readonly slot: SlotName;
  readonly cmdline: string;
}

/** Throws when the loader starts no system. */
export async function boot(loader: LoaderName, disk: BlockFile): Promise<Started> {
  const outcome = await LOADER_MODELS[loader](disk);
  const cmdline = "why" in outcome ? outcome.why : outcome.cmdline;
  const { slot } = parseCmdline(cmdline);
  if (slot === undefined) throw new Error(`nothing boots: ${cmdline}`);
  return { slot, cmdline };
}

/** The machine as each verb finds it: tandem completes a half-done operation before it decides anything. */
export async function cameUp(disk: BlockFile, cmdline: string): Promise<Machine> {
  await machineWith(disk, cmdline).loader.repair();
  return machineWith(disk, cmdline);
}
