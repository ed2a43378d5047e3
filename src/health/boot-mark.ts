import type { Files } from "../system/files.ts";
import type { System } from "../system/system.ts";

/** The content of a mark, so that a mark left from an earlier boot has no effect where /run is not emptied. */
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** Makes a mark that says something of this boot: a file below /run. Throws when it cannot be written. */
export function markBoot(system: System, path: string): void {
  const id = system.files.readText(BOOT_ID);
  if (id === undefined) throw new Error(`Cannot mark this boot: there is no ${BOOT_ID}`);
  system.replaceFile(path, id, 0o644);
}

export function hasBootMark({ files }: { readonly files: Files }, path: string): boolean {
  const mark = files.readText(path);
  return mark !== undefined && mark === files.readText(BOOT_ID);
}
