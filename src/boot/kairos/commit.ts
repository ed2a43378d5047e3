/** The commit of a boot record on a Kairos machine, and what finishes it after a power cut. */
import { disarm } from "../../control/decide.ts";
import { type BootRecord, type NextRecord, TRIES_MAX } from "../../control/record.ts";
import { readCount } from "./count.ts";
import { clearStaleNext, differencesFrom, leadGrub, readAssessment } from "./grub-files.ts";
import { isConfirmedByStage } from "./confirmed.ts";
import { hasOrigins, originOf, readOrigins, writeOrigin } from "./origin.ts";
import type { KairosPlaces } from "./places.ts";
import { type GrubPlan, planOf } from "./plan.ts";
import { readsCustom } from "./scripts.ts";
import { isArmedTooEarly, isFallback, isTrialUsed, startedSlot } from "./this-boot.ts";

/** It clears the assessment before anything is checked. */
export const STOCK_STAGE = "the stage boot.before of Kairos";

/** The stock menu gives a new system one boot. It counts more where it reads tandem's lines. */
export function triesMaxOf(places: KairosPlaces): number {
  return readsCustom(places) ? TRIES_MAX : 1;
}

/** See grub-files.ts for the order. Throws "boot", "no-space" or "disk". */
export async function commit(places: KairosPlaces, next: NextRecord): Promise<BootRecord> {
  const { loaderData, bootId } = places;
  const before = loaderData.record;
  const possible = { ...next, tries: Math.min(next.tries, triesMaxOf(places)) };
  const gen = Math.max(loaderData.nextGen, genSeen(places) + 1);
  const plan = planFor(places, { ...possible, gen }, false);
  const origin = { gen, boot: bootId, before: before?.good, next: plan.next };
  writeOrigin(places, { ...origin, givesVerdicts: places.givesVerdicts === true }, before);
  leadGrub(places, plan);
  const record = await loaderData.commitRecord(possible, gen);
  clearStaleNext(places, plan);
  return record;
}

/** GRUB counts for a generation, and a cut may have left one without a record. */
function genSeen(places: KairosPlaces): number {
  const count = readCount(places);
  const counted = count === "damaged" ? 0 : (count?.gen ?? 0);
  return Math.max(counted, ...readOrigins(places).map(({ gen }) => gen));
}

/** What a power cut or another program has left, for people. */
export function unfinished(places: KairosPlaces): string | undefined {
  const record = recordDecidedHere(places);
  if (record === undefined) return undefined;
  if (isArmedTooEarly(places, record))
    return "a trial is armed, and its system has not become the active one";
  return differencesFrom(places, currentPlan(places, record)).join("; ") || undefined;
}

/** Makes GRUB's files say what the record says. The stock stages change them behind our back at each boot. */
export async function repair(places: KairosPlaces): Promise<void> {
  const record = recordDecidedHere(places);
  if (record === undefined) return;
  if (isArmedTooEarly(places, record)) {
    await takeBack(places, record);
    return;
  }
  const plan = currentPlan(places, record);
  if (differencesFrom(places, plan).length === 0) return;
  leadGrub(places, plan);
  clearStaleNext(places, plan);
}

/** Undefined also on a machine for which tandem has decided nothing yet: its files belong to others. */
function recordDecidedHere(places: KairosPlaces): BootRecord | undefined {
  return hasOrigins(places) ? places.loaderData.record : undefined;
}

async function takeBack(places: KairosPlaces, record: BootRecord): Promise<void> {
  const good = originOf(places, record)?.before ?? record.good;
  const last = record.last === good ? undefined : record.last;
  await commit(places, { ...disarm(record), good, last });
}

function currentPlan(places: KairosPlaces, record: BootRecord): GrubPlan {
  const plan = planFor(places, record, isTrialUsed(places, record));
  return isOthersAssessment(places, record) ? { ...plan, assessment: "keep" } : plan;
}

function planFor(places: KairosPlaces, record: BootRecord, isUsed: boolean): GrubPlan {
  // A hook that was installed later changes nothing for a trial that was armed without it.
  const { givesVerdicts = places.givesVerdicts === true } = originOf(places, record) ?? {};
  const facts = { isTrialUsed: isUsed, givesVerdicts };
  const plan = planOf(record, facts);
  return readsCustom(places) ? plan : { ...plan, count: undefined };
}

/** Whether the assessment says what another program has decided after the record. */
function isOthersAssessment(places: KairosPlaces, record: BootRecord): boolean {
  const found = readAssessment(places);
  if (found === "damaged") return false;
  const { isEnabled, isTentative, isAlways } = found;
  if (record.good === "passive") return isConfirmedByStage(places, record);
  // An upgrade by Kairos' own program is armed. It has failed when GRUB has come to the passive system by itself.
  return (isEnabled && !isTentative) || (isAlways && !isEnabled) || isFallback(places);
}

/** How the running trial was confirmed where no hook gives verdicts, for people. */
export function confirmation(places: KairosPlaces): string | undefined {
  const record = recordDecidedHere(places);
  return record !== undefined &&
    startedSlot(places) === record.trial &&
    isConfirmedByStage(places, record)
    ? `${STOCK_STAGE} was reached`
    : undefined;
}
