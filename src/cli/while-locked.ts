import { feedWatchdog } from "../health/watchdog.ts";
import { interrupted } from "../write/write-image.ts";
import type { Context } from "./context.ts";

/** Returns what a verdict calls while another run holds the lock. It feeds the watchdog, which must not end that run. */
export function waitForOthers({ system, config, talk, signal }: Context): () => void {
  let isReported = false;
  return () => {
    interrupted(signal);
    if (!isReported)
      talk.info("Waiting for another run of tandem, which is at work on the disk, to end");
    isReported = true;
    feedWatchdog(system, config.watchdog);
  };
}
