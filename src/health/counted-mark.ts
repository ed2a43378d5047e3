import type { Files } from "../system/files.ts";
import type { System } from "../system/system.ts";
import { hasBootMark, markBoot } from "./boot-mark.ts";

/** Where the boot loader says nothing on the kernel command line, a look at the disk tells that the boot is counted. */
const PATH = "/run/tandem/counted";

/** Marks that the boot loader has counted this boot. Throws when the mark cannot be written. */
export function markCounted(system: System): void {
  markBoot(system, PATH);
}

/** Whether the mark says that this boot is counted. */
export function hasCountedMark(system: { readonly files: Files }): boolean {
  return hasBootMark(system, PATH);
}
