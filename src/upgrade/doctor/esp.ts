import { type Esp, isFile } from "../../boot/esp.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import type { Machine } from "../machine.ts";
import { about, type Finding } from "./finding.ts";
import { checkGrub } from "./grub.ts";
import { checkLoaderConf } from "./loader-conf.ts";

/** How the EFI system partition is reached. */
export interface EspAccess {
  /** Number of the control partition. */
  readonly control: number;
  /** undefined: the disk has none. The caller closes it. Throws `boot`. */
  readonly open: (options: { readonly write: boolean }) => Esp | undefined;
}

const PROGRAMS = ["/EFI/systemd/systemd-bootx64.efi", "/EFI/BOOT/BOOTX64.EFI"] as const;

/** What the boot loader needs on the EFI system partition. */
export function checkEsp(access: EspAccess, machine: Machine): Finding[] {
  const { ok, bad } = about("EFI system partition", "boot");
  try {
    const esp = access.open({ write: false });
    if (esp === undefined) return [bad("the disk has none", { advice: "Install again." })];
    try {
      const isGrub = machine.loader.name === "grub";
      const rest = isGrub
        ? checkGrub(access, esp)
        : [checkProgram(esp), checkLoaderConf(access, esp)];
      return [ok(`${esp.name} is readable`), ...rest];
    } finally {
      esp.close();
    }
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return [bad(reasonOf(error), { advice: "Make its file system and the boot loader anew." })];
  }
}

function checkProgram(esp: Esp): Finding {
  const { ok, bad } = about("systemd-boot", "boot");
  const found = PROGRAMS.find((path) => isFile(esp, path));
  if (found !== undefined) return ok(`${found} is there`);
  const advice = "Install it anew, such as with bootctl install.";
  return bad(`neither ${PROGRAMS.join(" nor ")} is there`, { advice });
}
