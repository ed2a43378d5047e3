import type { Files } from "../system/files.ts";
import type { System } from "../system/system.ts";
import { hasBootMark, markBoot } from "./boot-mark.ts";

/** The mark. /run is empty at the start of each boot. The hooks' script reads the mark too (hooks/init/at-boot.sh). */
const PATH = "/run/tandem/verdict";

/** Marks that this boot has its verdict. Throws when the mark cannot be written. */
export function markVerdict(system: System): void {
  markBoot(system, PATH);
}

/** Whether the mark says that this boot has its verdict. */
export function hasVerdictMark(system: { readonly files: Files }): boolean {
  return hasBootMark(system, PATH);
}
