import { runAftermath } from "../../health/aftermath.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { parseCmdline } from "../../slot/cmdline.ts";
import { health as check, overdue } from "../../upgrade/health.ts";
import { withMachine } from "../../upgrade/open-machine.ts";
import { type Context, print } from "../context.ts";
import { endWatch } from "../end-watch.ts";
import { restart } from "../restart.ts";
import { defineVerb } from "../verb.ts";

export const health = defineVerb({
  name: "health",
  description: "Run the checks and give the verdict on this boot",
  args: {
    reboot: {
      type: "boolean",
      description:
        "Reboot when a required check fails, if the boot loader then goes on to something else",
    },
    overdue: {
      type: "boolean",
      description: "Run no checks: a counted boot that has no verdict by now has failed",
    },
  },
  async run(context, args) {
    const { config, talk } = context;
    const result = await withMachine(context, { ...config, lock: true }, (machine) =>
      args.overdue === true ? overdue(machine) : check(context, machine, config.health),
    );
    const { slot, failure, stay } = result;
    print(context, result, () => textOf(args.overdue === true, result));
    if (result.healthy) endWatch(context);
    if (args.overdue !== true)
      await runAftermath(context, config.health[result.healthy ? "green" : "red"]);
    if (result.healthy) return;
    if (args.reboot === true && stay === undefined) await leave(context);
    if (args.reboot === true && stay !== undefined) talk.warn(`Not rebooting: ${stay}, continuing`);
    throw new TandemError("unhealthy", `Cannot call slot ${slot} good: ${failure}`);
  },
});

/** Ends this boot. The verdict stands, so a refusal is no error of its own. */
async function leave(context: Context): Promise<void> {
  const { counted } = parseCmdline(context.system.files.readText("/proc/cmdline") ?? "");
  try {
    await restart(context, { force: counted });
  } catch (error) {
    context.talk.warn(`${reasonOf(error)}, continuing`);
  }
}

function textOf(
  isOverdue: boolean,
  { slot, healthy, failure }: { slot: string; healthy: boolean; failure: string | undefined },
): string {
  if (!healthy) return `Slot ${slot} failed: ${failure}`;
  return isOverdue ? `Slot ${slot} is not waiting for a verdict` : `Slot ${slot} is good`;
}
