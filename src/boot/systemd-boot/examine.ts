/** Doctor's findings about systemd-boot's entries and its other files. */
import { reasonOf, TandemError } from "../../lib/error.ts";
import { about, type Finding } from "../../lib/finding.ts";
import type { Bootloader, ExaminedDisk } from "../bootloader.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import { type Esp, isFile } from "../esp/esp.ts";
import type { BootRecord } from "../../control/record.ts";
import { checkEfiVariables } from "./efi-variables.ts";
import { checkLoaderConf } from "./loader-conf.ts";

export const PROGRAMS = ["/EFI/systemd/systemd-bootx64.efi", "/EFI/BOOT/BOOTX64.EFI"] as const;

/** Whether the entries and the boot record say the same. */
export function examineEntries(
  loader: Pick<Bootloader, "unfinished" | "repair">,
  record: BootRecord | undefined,
): Finding[] {
  const { ok, warn, bad } = about("entries of systemd-boot", "boot");
  try {
    const unfinished = loader.unfinished();
    if (unfinished === undefined) return [ok(`they have boot record ${record?.gen ?? "none"}`)];
    const more = {
      advice: "Run tandem doctor --fix. Any other verb that writes to the disk repairs them, too.",
      repair: { what: `put the entries in order: ${unfinished}`, run: () => loader.repair() },
    };
    // Without a record the finding about the record is the bad one.
    return [(record === undefined ? warn : bad)(unfinished, more)];
  } catch (error) {
    if (error instanceof TandemError) return [bad(reasonOf(error))];
    throw error;
  }
}

export function examineSystemdBoot(place: TandemEsp, esp: Esp, disk: ExaminedDisk): Finding[] {
  return [checkProgram(esp), checkLoaderConf(place, esp), ...checkEfiVariables(disk)];
}

function checkProgram(esp: Esp): Finding {
  const { ok, bad } = about("systemd-boot", "boot");
  const found = PROGRAMS.find((path) => isFile(esp, path));
  if (found !== undefined) return ok(`${found} is there`);
  const advice = "Reinstall it, for example with bootctl install.";
  return bad(`neither ${PROGRAMS.join(" nor ")} is there`, { advice });
}
