import { lastLines } from "../lib/last-lines.ts";
import { reasonOf } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import type { System } from "../system/system.ts";
import { markVerdict } from "./verdict-mark.ts";

const TIMER = "tandem-overdue.timer";
const STOP_SECONDS = 20;

interface OverdueContext {
  readonly system: System;
  readonly talk: Talk;
}

/**
 * Ends the wait for a verdict, because this boot has one: stops systemd's timer, and sets the mark that the hooks'
 * script reads. A failure does no harm: `tandem health --overdue` then runs, finds the verdict, and does nothing.
 */
export async function endOverdueWatch({ system, talk }: OverdueContext): Promise<void> {
  try {
    markVerdict(system);
  } catch (error) {
    talk.debug(`Cannot mark that this boot has its verdict: ${reasonOf(error)}, continuing`);
  }
  // See sd_booted(3).
  if (system.files.exists("/run/systemd/system")) await stopTimer({ system, talk });
}

async function stopTimer({ system, talk }: OverdueContext): Promise<void> {
  try {
    const command = ["systemctl", "stop", TIMER];
    const { status, stderr } = await system.run(command, { deadlineSeconds: STOP_SECONDS });
    if (status !== 0) talk.debug(`Cannot stop ${TIMER}: ${lastLines(stderr)}, continuing`);
  } catch (error) {
    talk.debug(`Cannot stop ${TIMER}: ${reasonOf(error)}, continuing`);
  }
}
