import { reasonOf, TandemError } from "../lib/error.ts";
import type { Machine } from "../machine/machine.ts";
import { about, type Finding } from "../lib/finding.ts";

/**
 * Whether the loader's entries and the boot record say the same. What a cut has left half done between them the loader knows best, and
 * everything else goes by what is decided here.
 */
export function checkEntries({ loader, loaderData }: Machine): Finding[] {
  if (loader.name !== "systemd-boot") return [];
  const { ok, warn, bad } = about("entries of systemd-boot", "boot");
  try {
    const unfinished = loader.unfinished();
    if (unfinished === undefined)
      return [ok(`they have record ${loaderData.record?.gen ?? "none"}`)];
    const more = {
      advice: "Run tandem doctor --fix, or anything else that writes to the disk.",
      repair: { what: `put the entries in order: ${unfinished}`, run: () => loader.repair() },
    };
    // Without a record it is the record that is bad.
    return [(loaderData.record === undefined ? warn : bad)(unfinished, more)];
  } catch (error) {
    if (error instanceof TandemError) return [bad(reasonOf(error))];
    throw error;
  }
}
