import { nodeOf } from "../slot/block-device.ts";
import { bootFacts, findBootDisk } from "../slot/boot-disk.ts";
import type { System } from "../system/system.ts";

/** The disk that is named, else the one that this machine runs from, whatever is on it. Throws `disk` when it cannot be found. */
export function diskPathOf(system: System, named: string | undefined): string {
  return named ?? nodeOf(findBootDisk(system, bootFacts(system)));
}
