import { getPriority, setPriority } from "node:os";

const STEP = 5;
const LAST = 19;

/**
 * Leaves the processors to the other threads of this process where there are not enough for all. To Linux niceness is a matter of one
 * thread, whatever POSIX says (setpriority(2)). Without privileges there is no way back.
 */
export function giveWay(): void {
  setPriority(0, Math.min(getPriority(0) + STEP, LAST));
}
