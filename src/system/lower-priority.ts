import { getPriority, setPriority } from "node:os";
import { reasonOf } from "../lib/error.ts";

/** Measured on two cores: a step of 5 gains the other threads half as much time, 19 gains no more. */
const STEP = 10;
const NICENESS_MAX = 19;

/**
 * Lowers the priority of this thread, so that other threads of this process get more processor time. In Linux niceness
 * belongs to one thread, although POSIX says otherwise (setpriority(2)). Without privileges the thread cannot raise it
 * again. A failure only costs time: it is reported, not thrown.
 */
export function lowerPriority(report: (text: string) => void, set = setPriority): void {
  try {
    set(0, Math.min(getPriority(0) + STEP, NICENESS_MAX));
  } catch (error) {
    report(`Cannot lower the priority of a thread: ${reasonOf(error)}`);
  }
}
