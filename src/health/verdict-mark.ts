import type { Files } from "../system/files.ts";
import type { System } from "../system/system.ts";

/** The mark. /run is empty at the start of each boot. The hooks' script reads the mark too (hooks/init/at-boot.sh). */
const PATH = "/run/tandem/verdict";
/** The content of the mark, so that a mark left from an earlier boot has no effect where /run is not emptied. */
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** Marks that this boot has its verdict. Throws when the mark cannot be written. */
export function markVerdict(system: System): void {
  system.replaceFile(PATH, idOf(system), 0o644);
}

/** Whether the mark says that this boot has its verdict. */
export function hasVerdictMark({ files }: { readonly files: Files }): boolean {
  const mark = files.readText(PATH);
  return mark !== undefined && mark === files.readText(BOOT_ID);
}

function idOf({ files }: System): string {
  const id = files.readText(BOOT_ID);
  if (id === undefined) throw new Error(`Cannot mark this boot: there is no ${BOOT_ID}`);
  return id;
}
