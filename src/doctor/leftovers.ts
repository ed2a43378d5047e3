import { TandemError } from "../lib/error.ts";
import { emptyControl } from "../control/control.ts";
import type { Machine } from "../machine/machine.ts";
import { hasLeftovers } from "../machine/new-disk.ts";
import { about, type Finding } from "../lib/finding.ts";
import type { HeldSlots } from "./held.ts";

/** A control partition with remains of another use, on a disk without a system. undefined: there is something to keep. */
export function checkLeftovers(machine: Machine, held: HeldSlots): Finding | undefined {
  if (hasSystem(held) || !canTellLeftovers(machine)) return undefined;
  const { loaderData, diskPath } = machine;
  const { bad } = about("control partition", "disk");
  const { foreignMark } = loaderData;
  // The configured label may be that of somebody's data.
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

/** A system that boots counts, whoever wrote it. */
function hasSystem(held: HeldSlots): boolean {
  return [...held.values()].some(({ kind }) => kind === "system");
}

/** A slot that cannot be read may be ours. */
function canTellLeftovers(machine: Machine): boolean {
  try {
    return hasLeftovers(machine);
  } catch (error) {
    if (error instanceof TandemError) return false;
    throw error;
  }
}
