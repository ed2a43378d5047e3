/** The environment block /tandem/count on COS_STATE: tandem writes it with each record, and GRUB counts in it (boot.cfg). */
import { genOf } from "../../control/record.ts";
import { TandemError } from "../../lib/error.ts";
import { changeEnvFile, readEnvFile, remakeEnvFile } from "../grub/env-file.ts";
import type { CountPlan, CountStage } from "./plan.ts";
import { exists, inTandem, type KairosPlaces } from "./places.ts";

const NAME = "count";
/** As many as boot.cfg reads. */
const STAGES_MAX = 3;

export interface StoredCount {
  readonly gen: number;
  /** Boots left in each stage, as GRUB has counted. */
  readonly left: readonly (number | undefined)[];
}

/** Undefined without a count; "damaged" when GRUB cannot read it. */
export function readCount(places: KairosPlaces): StoredCount | "damaged" | undefined {
  const file = inTandem(places, NAME);
  try {
    const values = readEnvFile(file);
    const gen = genOf(values.get("tandem_gen"));
    if (gen === 0) return undefined;
    const left = stageNumbers().map((number) => leftOf(values.get(`tandem_left_${number}`)));
    return { gen, left };
  } catch (error) {
    if (error instanceof TandemError && error.code === "boot") return "damaged";
    throw error;
  }
}

/** Whether GRUB would count for the plan. What it has counted already does not matter. */
export function hasCount(places: KairosPlaces, plan: CountPlan | undefined): boolean {
  const stored = readCount(places);
  if (stored === "damaged") return false;
  return stored?.gen === plan?.gen;
}

/** Starts the count of a plan, or ends every count. Throws "no-space" or "disk". */
export function writeCount(places: KairosPlaces, plan: CountPlan | undefined): void {
  const file = inTandem(places, NAME);
  if (plan === undefined && !exists(file)) return;
  const values = plan === undefined ? ended() : valuesOf(plan);
  if (readCount(places) === "damaged") remakeEnvFile(file, values);
  else changeEnvFile(file, values);
}

/** GRUB ignores a count without a generation. */
function ended(): Record<string, string> {
  return { tandem_gen: "" };
}

function valuesOf({ gen, safe, stages }: CountPlan): Record<string, string> {
  const entries = stageNumbers().flatMap((number) => stageLines(number, stages[number - 1]));
  return { tandem_gen: `${gen}`, tandem_safe: safe, ...Object.fromEntries(entries) };
}

function stageLines(number: number, stage: CountStage | undefined): [string, string][] {
  return [
    [`tandem_entry_${number}`, stage?.entry ?? ""],
    [`tandem_left_${number}`, `${stage?.left ?? ""}`],
    [`tandem_words_${number}`, stage?.words ?? ""],
  ];
}

function stageNumbers(): number[] {
  return Array.from({ length: STAGES_MAX }, (_, index) => index + 1);
}

function leftOf(text = ""): number | undefined {
  return /^\d{1,2}$/.test(text) ? Number(text) : undefined;
}
