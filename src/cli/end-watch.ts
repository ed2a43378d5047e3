import { stopWatchdog } from "../health/watchdog.ts";
import type { Context } from "./context.ts";

/** The verdict on this boot is good: nothing has to reset the machine any more. */
export function endWatch({ system, config, talk }: Context): void {
  const { watchdog, text } = stopWatchdog(system, config.watchdog);
  if (watchdog === "runs on" || watchdog === "held") talk.warn(text);
  else if (watchdog === "none") talk.debug(text);
  else talk.info(text);
}
