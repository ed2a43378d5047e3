import { reasonOf, TandemError } from "../lib/error.ts";
import type { Machine } from "../machine/machine.ts";
import { about, type Finding } from "../lib/finding.ts";

const FSCK = "Repair it with fsck.fat while nobody has it mounted.";
const COUNTLESS =
  "If it comes back, the firmware does not let the boot loader write to this disk: no trial begins.";

/** What the boot loader needs on the EFI system partition. */
export function checkEsp(machine: Machine): Finding[] {
  const { ok, bad } = about("EFI system partition", "boot");
  try {
    const esp = machine.esp.open({ write: false });
    if (esp === undefined) return [bad("the disk has none", { advice: "Install again." })];
    try {
      const rest = machine.loader.examineFiles(esp, machine);
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
