import { closeSync, constants, openSync, writeSync } from "node:fs";
import { reasonOf, TandemError } from "../lib/error.ts";
import { errnoOf } from "./failure.ts";
import { ioctlInt } from "./syscall.ts";

/** A running watchdog. It is fed by being opened, and runs on when it is left. */
export interface Watchdog {
  /** Returns the seconds that the device really takes; throws when it takes no such time. */
  setSeconds(seconds: number): number;
  /** Stops it and closes it. A kernel that allows no way out lets it run on. */
  stop(): void;
  /** Closes it and lets it run. */
  leave(): void;
}

/** linux/watchdog.h: _IOR('W', 4, int) and _IOWR('W', 6, int). */
const WDIOC_SETOPTIONS = 0x80045704;
const WDIOC_SETTIMEOUT = 0xc0045706;
const WDIOS_DISABLECARD = 1;
/** A device that is closed after this was written does not take it for a crash. */
const MAGIC_CLOSE = "V";

/** undefined: there is none. Throws `boot`, also when another program holds it. */
export function openWatchdog(path: string): Watchdog | undefined {
  const fd = open(path);
  if (fd === undefined) return undefined;
  return {
    setSeconds: (seconds) => ioctlInt(fd, WDIOC_SETTIMEOUT, seconds),
    stop() {
      try {
        ioctlInt(fd, WDIOC_SETOPTIONS, WDIOS_DISABLECARD);
      } catch {
        // Not every driver knows this; all know the letter.
      }
      try {
        writeSync(fd, MAGIC_CLOSE);
      } finally {
        closeSync(fd);
      }
    },
    leave: () => closeSync(fd),
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
