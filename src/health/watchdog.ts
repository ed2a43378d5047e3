import { basename } from "node:path";
import { reasonOf } from "../lib/error.ts";
import { parseCmdline } from "../slot/cmdline.ts";
import type { System } from "../system/system.ts";
import type { Watchdog } from "../system/watchdog.ts";

/** What the configuration says about the watchdog. */
export interface WatchdogPlan {
  readonly device: string;
  /** From arming to the verdict; 0: none is armed. */
  readonly seconds: number;
}

/** What became of the watchdog, and a line that says so. */
export interface WatchdogOutcome {
  readonly watchdog: "armed" | "stopped" | "held" | "runs on" | "none";
  readonly text: string;
}

/** WDIOF_MAGICCLOSE of linux/watchdog.h: without it the device stops as soon as nobody has it open. */
const MAGIC_CLOSE_FLAG = 0x0100;

/**
 * Starts the watchdog of a counted boot and leaves it running, so that a system which hangs is reset. It is not started where it would
 * reset a machine that is well: on an uncounted boot, or when it could not be stopped again or not wait until `needSeconds`.
 */
export function armWatchdog(
  system: System,
  { device, seconds }: WatchdogPlan,
  needSeconds: number,
): WatchdogOutcome {
  const why = whyNotArm(system, device, seconds);
  if (why !== undefined) return none(why);
  return attempt(system, device, (watchdog) => {
    const got = setSeconds(system, watchdog, { device, seconds });
    if (got < needSeconds) {
      watchdog.stop();
      return none(`${device} waits only ${got} s, and checks may take ${needSeconds} s`);
    }
    watchdog.leaveRunning();
    const text = `Watchdog ${device} resets this machine in ${got} s unless there is a verdict`;
    return { watchdog: "armed", text };
  });
}

/** The verdict is there: stops the watchdog of a counted boot, or leaves it to the program that has taken it over. */
export function stopWatchdog(system: System, { device }: WatchdogPlan): WatchdogOutcome {
  if (!isCounted(system)) return none("this boot is not counted");
  if (about(system, device, "state") === "inactive") return none(`${device} does not run`);
  return attempt(system, device, (watchdog) => {
    watchdog.stop();
    if (about(system, device, "state") !== "active")
      return { watchdog: "stopped", text: `Watchdog ${device} is stopped` };
    const text = `Watchdog ${device} cannot be stopped and resets this machine unless it is fed, continuing`;
    return { watchdog: "runs on", text };
  });
}

/**
 * The verdict cannot be given yet, for a reason that is known to be good: starts the time of a running watchdog anew. One that another
 * program has for itself is fed by that program.
 */
export function feedWatchdog(system: System, { device }: WatchdogPlan): void {
  if (!isCounted(system) || about(system, device, "state") !== "active") return;
  attempt(system, device, (watchdog) => {
    watchdog.leaveRunning();
    return none("it was fed");
  });
}

/** A device that does not wait that long waits as long as it can. */
function setSeconds(system: System, watchdog: Watchdog, { device, seconds }: WatchdogPlan): number {
  try {
    return watchdog.setSeconds(seconds);
  } catch (error) {
    const most = Number(about(system, device, "max_timeout") ?? 0);
    if (most === 0 || most >= seconds) throw error;
    return watchdog.setSeconds(most);
  }
}

function whyNotArm(system: System, device: string, seconds: number): string | undefined {
  if (seconds === 0) return "the configuration wants none";
  if (!isCounted(system)) return "this boot is not counted";
  if (about(system, device, "nowayout") === "1") return `${device} could not be stopped again`;
  const options = about(system, device, "options");
  return options === undefined || (Number(options) & MAGIC_CLOSE_FLAG) !== 0
    ? undefined
    : `${device} runs only while it is open`;
}

function attempt(
  system: System,
  device: string,
  action: (watchdog: Watchdog) => WatchdogOutcome,
): WatchdogOutcome {
  let watchdog: Watchdog | undefined;
  try {
    watchdog = system.openWatchdog(device);
  } catch (error) {
    return { watchdog: "held", text: `${reasonOf(error)}, continuing` };
  }
  if (watchdog === undefined) return none(`there is no ${device}`);
  try {
    return action(watchdog);
  } catch (error) {
    stopAnyway(watchdog);
    return none(`${device} does not do what it should: ${reasonOf(error)}`);
  }
}

function stopAnyway(watchdog: Watchdog): void {
  try {
    watchdog.stop();
  } catch {
    // What it failed of is told already.
  }
}

function none(why: string): WatchdogOutcome {
  return { watchdog: "none", text: `No watchdog: ${why}, continuing` };
}

/** The boot loader counts down for this boot, so a reset leads on. */
export function isCounted({ files }: Pick<System, "files">): boolean {
  return parseCmdline(files.readText("/proc/cmdline") ?? "").counted;
}

/** An attribute of the device in sysfs; undefined when the kernel has none. /dev/watchdog is another name of watchdog0. */
function about({ files }: System, device: string, attribute: string): string | undefined {
  const name = basename(device) === "watchdog" ? "watchdog0" : basename(device);
  return files.readText(`/sys/class/watchdog/${name}/${attribute}`)?.trim();
}
