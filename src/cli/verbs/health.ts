import { TandemError } from "../../lib/error.ts";
import { health as run } from "../../upgrade/health.ts";
import { withMachine } from "../../upgrade/open-machine.ts";
import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";

export const health = defineVerb({
  name: "health",
  description: "Run the checks and give the verdict on this boot",
  args: {
    reboot: {
      type: "boolean",
      description: "Reboot when a required check fails, so that the boot loader counts on",
    },
  },
  async run(context, args) {
    const { config, system } = context;
    const result = await withMachine(context, { ...config, lock: true }, (machine) =>
      run(context, machine, config.health),
    );
    print(context, result, ({ slot, healthy, failure }) =>
      healthy ? `Slot ${slot} is good` : `Slot ${slot} failed: ${failure}`,
    );
    if (result.healthy) return;
    if (args.reboot === true) await system.reboot();
    throw new TandemError("unhealthy", `Cannot call slot ${result.slot} good: ${result.failure}`);
  },
});
