/** EFI variables that systemd-boot prefers to loader.conf. tandem does not need them, and does not change what others have set. */
import { about, type Finding } from "../../lib/finding.ts";
import type { ExaminedDisk } from "../bootloader.ts";
import { readEfiVariable } from "../esp/efi-variable.ts";
import { choosesTandem } from "./loader-conf.ts";

/** The name of each variable, how long it applies, and how to clear it; the strongest first. */
const VARIABLES = [
  ["LoaderEntryOneShot", "for one boot", "bootctl set-oneshot ''"],
  // systemd-boot 258 and newer.
  ["LoaderEntrySysFail", "after an update of the firmware that failed", "bootctl set-sysfail ''"],
  // systemd-boot 260 and newer.
  ["LoaderEntryPreferred", "until it is cleared", "bootctl set-preferred ''"],
  ["LoaderEntryDefault", "until it is cleared", "bootctl set-default ''"],
] as const;

/** The variables are those of this machine. They say nothing about a disk from which it does not run. */
export function checkEfiVariables({ system, booted }: ExaminedDisk): Finding[] {
  if (booted === undefined) return [];
  const { ok, warn } = about("EFI variables", "boot");
  const findings = VARIABLES.flatMap(([name, howLong, command]) => {
    const value = readEfiVariable(system.files, name);
    if (value === undefined || value === "" || choosesTandem(value)) return [];
    const text = `${name} is "${value}": systemd-boot follows it, and not the boot record, ${howLong}`;
    return [warn(text, { advice: `If that is not wanted, run ${command}` })];
  });
  return findings.length > 0
    ? findings
    : [ok("none that can be read chooses other entries than those of tandem")];
}
