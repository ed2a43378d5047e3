import { TandemError } from "../lib/error.ts";
import { emptyControl } from "../control/control.ts";
import type { Machine } from "../machine/machine.ts";
import { hasLeftovers } from "../machine/new-disk.ts";
import { about, type Finding } from "../lib/finding.ts";
import type { ContentsOfSlots } from "./contents.ts";

/** The remains of another use in the control partition of a disk without a system. undefined: the disk holds something to keep. */
export function checkLeftovers(machine: Machine, contents: ContentsOfSlots): Finding | undefined {
  if (hasSystem(contents) || !canTellLeftovers(machine)) return undefined;
  const { loaderData, diskPath } = machine;
  const { bad } = about("control partition", "disk");
  const { foreignMark } = loaderData;
  // The configured label may be that of a partition with data.
  if (foreignMark !== undefined)
    return bad(`it holds ${foreignMark}, and no slot holds a system`, {
      advice:
        "Name the control partition in the configuration (labels: control), or zero its first MiB if that is to go.",
    });
  return bad("it is not empty, has no boot record, and no slot holds a system", {
    advice: `Run tandem doctor --fix --disk ${diskPath}, then tandem upgrade --disk ${diskPath} --source IMAGE.`,
    repair: {
      what: "empty the control partition: the disk is new again",
      run: () => emptyControl(machine),
    },
  });
}

/** Also a system that another program wrote. */
function hasSystem(contents: ContentsOfSlots): boolean {
  return [...contents.values()].some(({ kind }) => kind === "system");
}

/** A slot that cannot be read may hold a system of tandem. */
function canTellLeftovers(machine: Machine): boolean {
  try {
    return hasLeftovers(machine);
  } catch (error) {
    if (error instanceof TandemError) return false;
    throw error;
  }
}
