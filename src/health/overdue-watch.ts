import { lastLines } from "../lib/last-lines.ts";
import { reasonOf } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import type { System } from "../system/system.ts";
import { markVerdict } from "./verdict-mark.ts";

const TIMER = "tandem-overdue.timer";
const STOP_SECONDS = 20;

interface Surroundings {
  readonly system: System;
  readonly talk: Talk;
}

/**
 * This boot has its verdict, so nothing waits for one any more: systemd's timer, or the script of the hooks, which looks for the mark.
 * What fails here is no more than that `tandem health --overdue` runs in vain: it asks for the verdict itself.
 */
export async function endOverdueWatch({ system, talk }: Surroundings): Promise<void> {
  try {
    markVerdict(system);
  } catch (error) {
    talk.debug(`Cannot mark that this boot has its verdict: ${reasonOf(error)}, continuing`);
  }
  // See sd_booted(3).
  if (system.files.exists("/run/systemd/system")) await stopTimer({ system, talk });
}

async function stopTimer({ system, talk }: Surroundings): Promise<void> {
  try {
    const command = ["systemctl", "stop", TIMER];
    const { status, stderr } = await system.run(command, { deadlineSeconds: STOP_SECONDS });
    if (status !== 0) talk.debug(`Cannot stop ${TIMER}: ${lastLines(stderr)}, continuing`);
  } catch (error) {
    talk.debug(`Cannot stop ${TIMER}: ${reasonOf(error)}, continuing`);
  }
}
