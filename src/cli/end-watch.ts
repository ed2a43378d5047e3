import { endOverdueWatch } from "../health/overdue-watch.ts";
import { isCounted, stopWatchdog } from "../health/watchdog.ts";
import type { Context } from "./context.ts";

/** Stops watchdog and timer: this boot has its verdict and the machine keeps running. */
export async function endWatch({ system, config, talk }: Context): Promise<void> {
  const { watchdog, text } = stopWatchdog(system, config.watchdog);
  if (watchdog === "runs on" || watchdog === "held") talk.warn(text);
  else if (watchdog === "none") talk.debug(text);
  else talk.info(text);
  if (isCounted(system)) await endOverdueWatch({ system, talk });
}
