import { getPriority, setPriority } from "node:os";

/** On two cores, what else runs comes to lie beside the thread that gives way: 5 does half as much for the other, 19 no more. */
const STEP = 10;
const LAST = 19;

/**
 * Leaves the processors to the other threads of this process where there are not enough for all. To Linux niceness is a matter of one
 * thread, whatever POSIX says (setpriority(2)). Without privileges there is no way back. Where it is forbidden everything only takes
 * longer, so that is told and no error.
 */
export function giveWay(tell: (text: string) => void, set = setPriority): void {
  try {
    set(0, Math.min(getPriority(0) + STEP, LAST));
  } catch (error) {
    tell(`Cannot give way to other threads: ${error instanceof Error ? error.message : "?"}`);
  }
}
