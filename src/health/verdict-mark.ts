import type { Files } from "../system/files.ts";
import type { System } from "../system/system.ts";

/** Lives as long as a boot, where /run does. The scripts of the hooks read it, too (hooks/init/at-boot.sh). */
const PATH = "/run/tandem/verdict";
/** Without it a file that has outlived its boot would speak for the next one. */
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** Notes that this boot has its verdict. Throws when that cannot be noted. */
export function markVerdict(system: System): void {
  system.replaceFile(PATH, idOf(system), 0o644);
}

/** Whether this boot is known to have its verdict. */
export function hasVerdictMark({ files }: { readonly files: Files }): boolean {
  const mark = files.readText(PATH);
  return mark !== undefined && mark === files.readText(BOOT_ID);
}

function idOf({ files }: System): string {
  const id = files.readText(BOOT_ID);
  if (id === undefined) throw new Error(`Cannot mark this boot: there is no ${BOOT_ID}`);
  return id;
}
