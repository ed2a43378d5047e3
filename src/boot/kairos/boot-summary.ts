import type { BootRecord } from "../../control/record.ts";
import type { BootSummary, CurrentBoot } from "../bootloader.ts";
import { isConfirmedByStage } from "./confirmed.ts";
import { readCount } from "./count.ts";
import { isMadeNow } from "./origin.ts";
import type { KairosPlaces } from "./places.ts";
import { isArmedTooEarly, isFallback, isStillAhead, startedSlot } from "./this-boot.ts";

const NOTHING = {
  left: undefined,
  fell: undefined,
  why: undefined,
  gaveUp: undefined,
  uncounted: false,
} as const;

/**
 * What GRUB has done before this boot. Where it has counted, it says so on the kernel command line. The stock menu says
 * only which image it has opened, and whether the assessment has failed. So the record, which was made in an earlier
 * boot, says the rest: its trial had the first boot after it.
 */
export function bootSummaryOf(places: KairosPlaces, { cmdline }: CurrentBoot): BootSummary {
  const { record } = places.loaderData;
  const { gen, left, fell, why, gaveUp, uncounted } = cmdline;
  const reported = { gen, left, fell, why, gaveUp, uncounted };
  if (record === undefined) return reported;
  // A count runs on when GRUB has not seen the entry for one boot, which is the first try: nothing was tried then.
  if (gen === record.gen && !isStillAhead(places, record)) return reported;
  return saysNothing(places, record)
    ? { ...NOTHING, gen: record.gen - 1 }
    : { ...NOTHING, gen: record.gen, ...byMenu(places, record) };
}

/** The record is newer than this boot, or GRUB has not seen what was written for it. */
function saysNothing(places: KairosPlaces, record: BootRecord): boolean {
  return (
    isMadeNow(places, record) !== false ||
    isStillAhead(places, record) ||
    isArmedTooEarly(places, record)
  );
}

function byMenu(
  places: KairosPlaces,
  record: BootRecord,
): Pick<BootSummary, "left"> | Pick<BootSummary, "fell" | "why"> {
  const { good, trial } = record;
  const started = startedSlot(places);
  if (trial === undefined || started === undefined) return { left: undefined };
  // The stock stage has confirmed it in an earlier boot, and a person has chosen another system since.
  if (started !== trial && isConfirmedByStage(places, record)) return { left: undefined };
  if (started === trial) return { left: triesLeft(places, record) };
  // An operator may have chosen recovery in the menu.
  if (started !== good) return { left: undefined };
  // When GRUB cannot load the trial, it goes on with the next entry at once, and the assessment has no part in that.
  const wasLoaded = isFallback(places) || trial !== "active";
  return { fell: trial, why: wasLoaded ? "tries" : "kernel" };
}

/** The first try is not counted. */
function triesLeft(places: KairosPlaces, { gen, tries }: BootRecord): number {
  const count = readCount(places);
  const isCounted = count !== "damaged" && count?.gen === gen;
  return isCounted ? Math.min(count.left[0] ?? 0, tries - 1) : 0;
}
