import type { BootRecord } from "../../control/record.ts";
import { readAssessment } from "./grub-files.ts";
import { originOf } from "./origin.ts";
import type { KairosPlaces } from "./places.ts";
import { isArmedTooEarly, isTrialUsed } from "./this-boot.ts";

/**
 * Where no hook gave verdicts when the record was made, the stock stage has the last word: it clears the assessment as
 * soon as the active system has started, and nothing else does. That counts in all later boots, too.
 */
export function isConfirmedByStage(places: KairosPlaces, record: BootRecord): boolean {
  if (record.trial !== "active" || originOf(places, record)?.givesVerdicts !== false) return false;
  const found = readAssessment(places);
  if (found === "damaged" || found.isEnabled || found.isTentative) return false;
  return isTrialUsed(places, record) && !isArmedTooEarly(places, record);
}
