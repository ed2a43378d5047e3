import type { RebootOptions } from "../system/reboot.ts";
import type { Context } from "./context.ts";

/** What `--reboot` does once the result is printed and the lock is released. Throws `boot` when it is refused. */
export async function restart(
  { system, talk, signal }: Pick<Context, "system" | "talk" | "signal">,
  how: Pick<RebootOptions, "force" | "wait">,
): Promise<void> {
  talk.info("Restarting this machine");
  talk.progress({ step: "Waiting for the service manager to restart this machine" });
  await system.reboot({ ...how, report: (text) => talk.warn(text), signal });
}
