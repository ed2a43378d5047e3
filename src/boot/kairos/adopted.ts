import type { NextRecord } from "../../control/record.ts";
import { readAssessment, readNext } from "./grub-files.ts";
import { entryOf, type KairosPlaces } from "./places.ts";

/**
 * What GRUB boots by the files as they are, on a machine for which tandem has decided nothing yet. Kairos' own program may
 * have armed an upgrade, or its assessment may have failed. Writes nothing.
 */
export function adoptedRecord(places: KairosPlaces): NextRecord {
  const assessment = readAssessment(places);
  const settled = { trial: undefined, tries: 0, limit: 0, last: undefined };
  if (assessment === "damaged" || !assessment.isEnabled) return { ...settled, good: "active" };
  const isFailed = assessment.isTentative && readNext(places) !== entryOf("active");
  // The stage of Kairos that clears the assessment has not run yet in the boot of a new system.
  const isOver = isFailed && places.booted !== "active";
  return isOver
    ? { ...settled, good: "passive" }
    : { ...settled, good: "passive", trial: "active", tries: 1 };
}
