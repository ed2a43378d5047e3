import { feedWatchdog } from "../health/watchdog.ts";
import { interrupted } from "../write/write-image.ts";
import type { Context } from "./context.ts";

/** For a verdict, which waits until another run has ended: a watchdog must not end that run either. */
export function waitForOthers({ system, config, talk, signal }: Context): () => void {
  let isTold = false;
  return () => {
    interrupted(signal);
    if (!isTold)
      talk.info("Waiting for another run of tandem, which is at work on the disk, to end");
    isTold = true;
    feedWatchdog(system, config.watchdog);
  };
}
