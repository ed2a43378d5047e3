import { TandemError } from "../../src/lib/error.ts";
import type { System } from "../../src/system/system.ts";
import { memoryFiles } from "./files.ts";
import { memorySystem } from "./machine.ts";

export interface WatchdogSetup {
  readonly cmdline?: string;
  /** Undefined: the kernel has no watchdog. */
  readonly device?: "free" | "held";
  /** The longest timeout of the device. */
  readonly secondsMax?: number;
  /** The attributes in sysfs. */
  readonly about?: Readonly<Record<string, string>>;
  /** The attribute "state" after the device was stopped. */
  readonly stateAfter?: "active" | "inactive";
}

/** A machine with a watchdog. `done` lists the operations on the watchdog. */
export function watchedSystem(setup: WatchdogSetup): System & { readonly done: string[] } {
  const { cmdline = "tandem.slot=b tandem.gen=2 tandem.left=1", device = "free" } = setup;
  const { secondsMax = 100_000, about = {}, stateAfter = "inactive" } = setup;
  const done: string[] = [];
  let state = about["state"];
  const files = (): System["files"] =>
    memoryFiles({
      "/proc/cmdline": `${cmdline}\n`,
      ...Object.fromEntries(
        Object.entries({ ...about, ...(state === undefined ? {} : { state }) }).map(
          ([name, value]) => [`/sys/class/watchdog/watchdog0/${name}`, `${value}\n`],
        ),
      ),
    });
  return {
    ...memorySystem(),
    get files() {
      return files();
    },
    openWatchdog(path) {
      if (!("device" in setup)) return undefined;
      if (device === "held") throw new TandemError("boot", `Cannot open watchdog ${path}: held`);
      done.push(`open ${path}`);
      return {
        setSeconds(seconds) {
          if (seconds > secondsMax) throw new Error("EINVAL");
          done.push(`set ${seconds}`);
          return seconds;
        },
        stop() {
          done.push("stop");
          state = stateAfter;
        },
        leaveRunning: () => void done.push("leave"),
      };
    },
    done,
  };
}
