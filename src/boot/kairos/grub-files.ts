/**
 * What GRUB reads, compared with a plan and changed to it. The order of the changes at a commit is part of the design:
 *
 * 1. An entry for one boot is set first: from then on the next boot is the one of the new record.
 * 2. A count is started before the assessment changes, and ended after it. Where there is a count, it decides.
 * 3. The assessment: from then on all later boots are those of the new record.
 * 4. The record, by the caller.
 * 5. An entry for one boot that the new record does not want goes last. Until then GRUB boots the trial of the old
 *    record once more.
 *
 * A cut leaves the boots of the old record or those of the new one, and the record is never ahead of GRUB: otherwise a
 * trial that never ran would count as failed, and a system that has just proven itself would be left once more.
 */
import { TandemError } from "../../lib/error.ts";
import { changeEnvFile, readEnvFile, remakeEnvFile } from "../grub/env-file.ts";
import { hasCount, readCount, writeCount } from "./count.ts";
import { forgetEarlierNext, readOrigins } from "./origin.ts";
import { assessmentFile, type KairosPlaces, nextEntryFile } from "./places.ts";
import type { GrubPlan } from "./plan.ts";
import { missingScripts, type ScriptNeeds, writeScripts } from "./scripts.ts";

const ENABLED = "enable_boot_assessment";
const ALWAYS = "enable_boot_assessment_always";
const TENTATIVE = "boot_assessment_tentative";
const NEXT = "next_entry";
const YES = "yes";

export interface Assessment {
  readonly isEnabled: boolean;
  /** GRUB has started the active system, and nobody has confirmed it since. */
  readonly isTentative: boolean;
  /** Every boot is assessed, by the wish of the operator. */
  readonly isAlways: boolean;
}

/** "damaged": GRUB cannot read the file, and assesses nothing. */
export function readAssessment(places: KairosPlaces): Assessment | "damaged" {
  const values = valuesIn(places, assessmentFile);
  if (values === "damaged") return values;
  const isYes = (name: string): boolean => values.get(name) === YES;
  return { isEnabled: isYes(ENABLED), isTentative: isYes(TENTATIVE), isAlways: isYes(ALWAYS) };
}

/** The variables of /grubenv; "damaged" when GRUB cannot read it. */
export function readGrubenv(places: KairosPlaces): ReadonlyMap<string, string> | "damaged" {
  return valuesIn(places, nextEntryFile);
}

/** The entry for one boot, whoever has set it. GRUB empties it when it uses it. */
export function readNext(places: KairosPlaces): string | undefined {
  const values = readGrubenv(places);
  const next = values === "damaged" ? undefined : values.get(NEXT);
  return next === "" ? undefined : next;
}

/** Steps 1 to 3. Throws "boot" before anything is changed when /grubenv is damaged. */
export function leadGrub(places: KairosPlaces, plan: GrubPlan): void {
  if (plan.next !== undefined) setNext(places, plan.next);
  writeScripts(places, needsOf(plan));
  if (plan.count !== undefined) setCount(places, plan);
  setAssessment(places, plan);
  setCount(places, plan);
}

/** Step 5. */
export function clearStaleNext(places: KairosPlaces, plan: GrubPlan): void {
  if (plan.next === undefined && isOurs(places, readNext(places)))
    changeEnvFile(nextEntryFile(places), { [NEXT]: "" });
  forgetEarlierNext(places);
}

/** How GRUB's files differ from a plan, for people. */
export function differencesFrom(places: KairosPlaces, plan: GrubPlan): readonly string[] {
  const scripts = missingScripts(places, needsOf(plan));
  const differences = [
    nextDifference(places, plan.next),
    assessmentDifference(places, plan),
    scripts.length > 0 ? `GRUB needs other lines in ${scripts.join(" and ")}` : undefined,
    hasCount(places, plan.count) ? undefined : countDifference(places),
  ];
  return differences.filter((text) => text !== undefined);
}

function nextDifference(places: KairosPlaces, wanted: string | undefined): string | undefined {
  const next = readNext(places);
  const { path } = nextEntryFile(places);
  if (wanted !== undefined)
    return wanted === next ? undefined : `${path} lacks next_entry=${wanted}`;
  return isOurs(places, next) ? `${path} has next_entry=${next}, which is over` : undefined;
}

function assessmentDifference(
  places: KairosPlaces,
  { assessment: wanted }: GrubPlan,
): string | undefined {
  if (wanted === "keep") return undefined;
  const found = readAssessment(places);
  const { path } = assessmentFile(places);
  if (found === "damaged") return `${path} is damaged`;
  const { isEnabled, isTentative } = found;
  if (wanted === "failed")
    return isEnabled && isTentative ? undefined : `${path} does not make GRUB fall back`;
  return isEnabled || isTentative ? `${path} makes GRUB fall back` : undefined;
}

function countDifference(places: KairosPlaces): string {
  return readCount(places) === "damaged"
    ? "the count of boots on COS_STATE is damaged"
    : "the count of boots on COS_STATE is that of another boot record";
}

export function needsOf({ assessment, count }: GrubPlan): ScriptNeeds {
  return { assessment: assessment === "failed", count: count !== undefined };
}

function setCount(places: KairosPlaces, { count }: GrubPlan): void {
  if (!hasCount(places, count)) writeCount(places, count);
}

function setNext(places: KairosPlaces, next: string): void {
  if (readNext(places) !== next) changeEnvFile(nextEntryFile(places), { [NEXT]: next });
}

/** Kairos itself writes empty values, and keeps the variables. */
function setAssessment(places: KairosPlaces, plan: GrubPlan): void {
  if (assessmentDifference(places, plan) === undefined) return;
  const value = plan.assessment === "failed" ? YES : "";
  const values = { [ENABLED]: value, [TENTATIVE]: value };
  // Nothing in a damaged file is of use: it has only these variables.
  if (readAssessment(places) === "damaged") remakeEnvFile(assessmentFile(places), values);
  else changeEnvFile(assessmentFile(places), values);
}

/** The operator may have set an entry for one boot, too. That one stays. */
function isOurs(places: KairosPlaces, next: string | undefined): boolean {
  return next !== undefined && readOrigins(places).some((origin) => origin.next === next);
}

function valuesIn(
  places: KairosPlaces,
  fileOf: typeof assessmentFile,
): ReadonlyMap<string, string> | "damaged" {
  try {
    return readEnvFile(fileOf(places));
  } catch (error) {
    if (error instanceof TandemError && error.code === "boot") return "damaged";
    throw error;
  }
}
