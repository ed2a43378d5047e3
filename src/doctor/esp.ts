import { type Esp, isFile } from "../boot/esp/esp.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import type { Machine } from "../machine/machine.ts";
import { checkEfiVariables } from "./efi-variables.ts";
import { about, type Finding } from "../lib/finding.ts";
import { checkGrub } from "./grub.ts";
import { checkLoaderConf } from "./loader-conf.ts";

/** How the EFI system partition is reached. */
export interface EspAccess {
  /** Number of the control partition. */
  readonly control: number;
  /** undefined: the disk has none. The caller closes it. Throws `boot`. */
  readonly open: (options: { readonly write: boolean }) => Esp | undefined;
}

const FSCK = "Repair it with fsck.fat while nobody has it mounted.";
const COUNTLESS =
  "If it comes back, the firmware does not let the boot loader write to this disk: no trial begins.";
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
        ? checkGrub(machine, access, esp)
        : [checkProgram(esp), checkLoaderConf(access, esp), ...checkEfiVariables(machine)];
      const flaw = esp.flaw();
      const whole =
        flaw === undefined
          ? ok([`${esp.name} is readable`, machine.esp.seen() ?? []].flat().join("; "))
          : bad(flaw, { advice: FSCK });
      return [whole, ...checkCounted(machine), ...rest];
    } finally {
      esp.close();
    }
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return [bad(reasonOf(error), { advice: "Make its file system and the boot loader anew." })];
  }
}

/** Only the loader itself finds out that a firmware does not let it write. */
function checkCounted({ booted, cmdline, loader }: Machine): Finding[] {
  if (booted === undefined || !cmdline.uncounted) return [];
  const text = `${loader.name} has not counted this boot: it could not write, or the slot was chosen in its menu`;
  return [about("count of this boot", "boot").warn(text, { advice: COUNTLESS })];
}

function checkProgram(esp: Esp): Finding {
  const { ok, bad } = about("systemd-boot", "boot");
  const found = PROGRAMS.find((path) => isFile(esp, path));
  if (found !== undefined) return ok(`${found} is there`);
  const advice = "Install it anew, such as with bootctl install.";
  return bad(`neither ${PROGRAMS.join(" nor ")} is there`, { advice });
}
