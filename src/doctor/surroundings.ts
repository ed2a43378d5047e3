import { runBytes } from "../disk/run.ts";
import { installedHook } from "../hooks/installed.ts";
import { formatBytes } from "../lib/units.ts";
import { otherSlot } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import { about, type Finding } from "../lib/finding.ts";

/** A clock that shows less is wrong. */
const EARLIEST = Date.UTC(2020, 0, 1);

/** tandem does not decide by the clock, but TLS does, and people read its times. */
export function checkClock({ system, memory }: Machine): Finding {
  const { ok, warn } = about("clock", "disk");
  const now = system.now();
  const shown = now.toISOString();
  const advice = "Set the clock: with a wrong time TLS connections to registries fail.";
  if (now.getTime() < EARLIEST) return warn(`it shows ${shown}`, { advice });
  const newest = memory.state.history
    .map(({ at }) => at)
    .toSorted((one, other) => Date.parse(one) - Date.parse(other))
    .at(-1);
  if (newest !== undefined && Date.parse(newest) > now.getTime())
    return warn(`it shows ${shown}, the history has an event of ${newest}`, { advice });
  return ok(`it shows ${shown}`);
}

/** Whether an image as large as the one in the good slot would fit the other slot. */
export function checkRoom({ loaderData, memory, slots, staging }: Machine): Finding {
  const { ok, warn } = about("room", "disk");
  const good = loaderData.record?.good ?? "a";
  const held = memory.state.slots[good];
  const other = slots[otherSlot(good)];
  // The file of a staged system is made as large as it has to be.
  const isKnown = held.status === "written" && good !== "recovery" && staging === undefined;
  if (other === undefined || !isKnown) return ok("nothing is known of the size of the next image");
  const usedBytes = runBytes(held.runs);
  const text = `slot ${good} has ${formatBytes(usedBytes)}, the other one room for ${formatBytes(other.sizeBytes)}`;
  if (usedBytes <= other.sizeBytes) return ok(text);
  return warn(text, { advice: "An image of this size will not fit the other slot." });
}

/** Whether the running system gives its verdict itself. Without a verdict each new system is given up. */
export function checkHooks({ booted, system, loader }: Machine): Finding {
  const { ok, warn } = about("health", "boot");
  if (booted === undefined) return ok("this machine does not run from the disk");
  const hook = installedHook(system);
  if (hook !== undefined) return ok(`${hook} gives the verdict at boot`);
  if (loader.confirmedBy !== undefined)
    return warn(`${loader.confirmedBy} alone confirms a boot, before anything is checked`, {
      advice: "Run tandem hooks install kairos.",
    });
  return warn("nothing is installed that gives the verdict at boot", {
    advice: "Run tandem hooks when the image is made, or tandem health at boot by other means.",
  });
}
