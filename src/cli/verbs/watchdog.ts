import { TandemError } from "../../lib/error.ts";
import { armWatchdog, stopWatchdog } from "../../health/watchdog.ts";
import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";

export const watchdog = defineVerb({
  name: "watchdog",
  description:
    "Reset a counted boot that hangs: arm starts the watchdog, stop ends it after the verdict",
  args: {
    action: { type: "positional", required: true, description: "arm or stop" },
  },
  run(context, { action }) {
    const { system, config } = context;
    if (action !== "arm" && action !== "stop")
      throw new TandemError("usage", `Cannot do "${action}" to the watchdog: want arm or stop`);
    const outcome =
      action === "arm"
        ? armWatchdog(system, config.watchdog, config.health.deadlineSeconds)
        : stopWatchdog(system, config.watchdog);
    print(context, outcome, ({ text }) => text);
    return Promise.resolve();
  },
});
