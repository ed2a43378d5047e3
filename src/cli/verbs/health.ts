import { runAftermath } from "../../health/aftermath.ts";
import { isCounted } from "../../health/watchdog.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { health as check, type HealthResult } from "../../verdict/health.ts";
import { withMachine } from "../../machine/with-machine.ts";
import { giveUpOverdue, type OnMachine } from "../../verdict/overdue.ts";
import { type Context, print } from "../context.ts";
import { endWatch } from "../end-watch.ts";
import { restartMachine } from "../restart.ts";
import { waitForOthers } from "../while-locked.ts";
import { defineVerb } from "../verb.ts";

/** Time for the rest: to open the disk, to record what the boot loader gave up, to write the verdict. */
const GRACE_SECONDS = 60;

export const health = defineVerb({
  name: "health",
  description: "Run the checks and give the verdict on this boot",
  args: {
    reboot: {
      type: "boolean",
      description:
        "Reboot when a required check fails, if the boot loader can then start another slot",
    },
    overdue: {
      type: "boolean",
      description: "Run no checks: a counted boot without a verdict has failed",
    },
  },
  async run(context, args) {
    const { config, talk } = context;
    const isOverdue = args.overdue === true;
    const result = await (isOverdue ? giveUp(context) : judge(context));
    const { slot, failure, stay } = result;
    print(context, result, () => textOf(isOverdue, result));
    if (result.healthy) await endWatch(context);
    if (!isOverdue) await runAftermath(context, config.health[result.healthy ? "green" : "red"]);
    if (result.healthy) return;
    if (args.reboot === true && stay === undefined) await leave(context, isOverdue);
    if (args.reboot === true && stay !== undefined) talk.warn(`Not rebooting: ${stay}, continuing`);
    throw new TandemError("unhealthy", `Cannot call slot ${slot} good: ${failure}`);
  },
});

/** The kernel ends this process when the time is over, also if it hangs: other runs wait for the lock. */
function judge(context: Context): Promise<HealthResult> {
  const { config, system } = context;
  const locking = { lock: true, whileLocked: waitForOthers(context) };
  return withMachine(context, { ...config, ...locking }, async (machine) => {
    system.endAfter(Math.ceil(config.health.deadlineSeconds + GRACE_SECONDS));
    try {
      return await check(context, machine, config.health);
    } finally {
      system.endAfter(0);
    }
  });
}

function giveUp(context: Context): Promise<HealthResult> {
  const on: OnMachine = (locking, action) =>
    withMachine(context, { ...context.config, ...locking }, action);
  return giveUpOverdue(context, on, waitForOthers(context));
}

/** Reboots. The verdict is written already, so a refused reboot is only a warning. */
async function leave(context: Context, wait: boolean): Promise<void> {
  try {
    await restartMachine(context, { force: isCounted(context.system), wait });
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
