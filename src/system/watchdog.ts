import { closeSync, constants, openSync, writeSync } from "node:fs";
import { reasonOf, TandemError } from "../lib/error.ts";
import { errnoOf } from "./failure.ts";
import { ioctlInt } from "./syscall.ts";

/** A running watchdog. Opening the device starts it. It restarts the machine unless it is stopped or fed in time. */
export interface Watchdog {
  /** Sets the timeout. Returns the seconds that the device really uses. Throws when it refuses the value. */
  setSeconds(seconds: number): number;
  /** Stops the watchdog and closes the device. A kernel built with CONFIG_WATCHDOG_NOWAYOUT leaves it running. */
  stop(): void;
  /** Closes the device and leaves the watchdog running. */
  leaveRunning(): void;
}

/** linux/watchdog.h: _IOR('W', 4, int) and _IOWR('W', 6, int). */
const WDIOC_SETOPTIONS = 0x80045704;
const WDIOC_SETTIMEOUT = 0xc0045706;
const WDIOS_DISABLECARD = 1;
/**
 * Writing this before close() tells the driver that the program did not crash. Without it the watchdog keeps running.
 */
const MAGIC_CLOSE = "V";

/**
 * Opens the watchdog device, which starts it. Undefined when there is none. Throws "boot", also when another program
 * has it open.
 */
export function openWatchdog(path: string): Watchdog | undefined {
  const fd = open(path);
  if (fd === undefined) return undefined;
  return {
    setSeconds: (seconds) => ioctlInt(fd, WDIOC_SETTIMEOUT, seconds),
    stop() {
      try {
        ioctlInt(fd, WDIOC_SETOPTIONS, WDIOS_DISABLECARD);
      } catch {
        // Not every driver supports this request. All support the magic letter below.
      }
      try {
        writeSync(fd, MAGIC_CLOSE);
      } finally {
        closeSync(fd);
      }
    },
    leaveRunning: () => closeSync(fd),
  };
}

function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY + constants.O_NONBLOCK);
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === "ENOENT" || code === "ENODEV" || code === "ENXIO") return undefined;
    const why = code === "EBUSY" ? "another program holds it" : reasonOf(cause);
    throw new TandemError("boot", `Cannot open watchdog ${path}: ${why}`, { cause });
  }
}
