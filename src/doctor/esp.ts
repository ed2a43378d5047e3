import { reasonOf, TandemError } from "../lib/error.ts";
import type { Machine } from "../machine/machine.ts";
import { about, type Finding } from "../lib/finding.ts";

const FSCK = "Repair it with fsck.fat while it is not mounted.";
const NOT_COUNTED =
  "If this happens again, the firmware does not let the boot loader write to this disk, and no trial begins.";

/** What the boot loader needs on the EFI system partition, or where it has its files instead. */
export function checkEsp(machine: Machine): Finding[] {
  const others = machine.loader.examineOtherFiles?.();
  if (others !== undefined) return others;
  const { ok, bad } = about("EFI system partition", "boot");
  try {
    const esp = machine.esp.open({ write: false });
    if (esp === undefined) return [bad("the disk has none", { advice: "Install the disk again." })];
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
    return [
      bad(reasonOf(error), { advice: "Make its file system again and reinstall the boot loader." }),
    ];
  }
}

/** Whether the firmware lets the loader write is known only after a boot. */
function checkCounted({ booted, cmdline, loader }: Machine): Finding[] {
  if (booted === undefined || !cmdline.uncounted) return [];
  const text = `${loader.name} has not counted this boot: it could not write, or the slot was chosen in its menu`;
  return [about("count of this boot", "boot").warn(text, { advice: NOT_COUNTED })];
}
