import type { RebootOptions } from "../system/reboot.ts";
import type { Context } from "./context.ts";

/** Performs --reboot, after the result was printed and the lock released. Throws `boot` when the reboot is refused. */
export async function restartMachine(
  { system, talk, signal }: Pick<Context, "system" | "talk" | "signal">,
  options: Pick<RebootOptions, "force" | "wait">,
): Promise<void> {
  talk.info("Restarting this machine");
  talk.progress({ step: "Waiting for the service manager to restart this machine" });
  await system.reboot({ ...options, report: (text) => talk.warn(text), signal });
}
