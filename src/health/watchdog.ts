import { basename } from "node:path";
import { reasonOf } from "../lib/error.ts";
import { parseCmdline } from "../slot/cmdline.ts";
import type { System } from "../system/system.ts";
import { hasCountedMark } from "./counted-mark.ts";
import type { Watchdog } from "../system/watchdog.ts";

/** The watchdog settings of the configuration. */
export interface WatchdogPlan {
  readonly device: string;
  /** The timeout from arming to the verdict. 0: do not arm a watchdog. */
  readonly seconds: number;
}

/** The state of the watchdog after a command, and a line for the operator. */
export interface WatchdogOutcome {
  readonly watchdog: "armed" | "stopped" | "held" | "runs on" | "none";
  readonly text: string;
}

/** WDIOF_MAGICCLOSE of linux/watchdog.h. A device without it stops when it is closed. */
const MAGIC_CLOSE_FLAG = 0x0100;

/**
 * Starts the watchdog of a counted boot and leaves it running, so that it resets a system that hangs. Does not start it
 * where it would reset a healthy machine: in an uncounted boot, when it cannot be stopped again, or when its longest
 * timeout is less than `needSeconds`.
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

/** Stops the watchdog of a counted boot after the verdict. Does not touch a watchdog that another program has open. */
export function stopWatchdog(system: System, { device }: WatchdogPlan): WatchdogOutcome {
  if (!isCounted(system)) return none("this boot is not counted");
  if (about(system, device, "state") === "inactive") return none(`${device} does not run`);
  return attempt(system, device, (watchdog) => {
    watchdog.stop();
    if (about(system, device, "state") !== "active")
      return { watchdog: "stopped", text: `Watchdog ${device} is stopped` };
    const text = `Watchdog ${device} cannot be stopped and resets this machine unless a program restarts its timeout, continuing`;
    return { watchdog: "runs on", text };
  });
}

/**
 * Restarts the timeout of a running watchdog, because the verdict is late for a known good reason. A watchdog that
 * another program has open is fed by that program.
 */
export function feedWatchdog(system: System, { device }: WatchdogPlan): void {
  if (!isCounted(system) || about(system, device, "state") !== "active") return;
  attempt(system, device, (watchdog) => {
    watchdog.leaveRunning();
    return none("its timeout was restarted");
  });
}

/**
 * Sets the timeout, or the longest timeout of the device when that is shorter. Returns the seconds that the device
 * uses.
 */
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
    // The caller reports the first error.
  }
}

function none(why: string): WatchdogOutcome {
  return { watchdog: "none", text: `No watchdog: ${why}, continuing` };
}

/**
 * Whether the boot loader counts this boot. Then a reset leads to another attempt or another slot, and not to an
 * endless loop.
 */
export function isCounted(system: Pick<System, "files">): boolean {
  const text = system.files.readText("/proc/cmdline") ?? "";
  return parseCmdline(text).counted || hasCountedMark(system);
}

/**
 * Reads an attribute of the device from sysfs. Undefined when there is none. /dev/watchdog is another name of
 * watchdog0.
 */
function about({ files }: System, device: string, attribute: string): string | undefined {
  const name = basename(device) === "watchdog" ? "watchdog0" : basename(device);
  return files.readText(`/sys/class/watchdog/${name}/${attribute}`)?.trim();
}
