/** What GRUB's files must say for a boot record. Nothing here reads or writes them. */
import type { BootRecord } from "../../control/record.ts";
import { TandemError } from "../../lib/error.ts";
import type { SlotName } from "../../slot/slot.ts";
import { type MenuEntry, entryOf } from "./places.ts";

export interface GrubPlan {
  /**
   * "failed": armed as after a boot that failed, so GRUB starts the passive system from now on. "clear": GRUB starts the
   * active one. "keep": what another program has decided stays.
   */
  readonly assessment: "failed" | "clear" | "keep";
  /** The entry for one boot. */
  readonly next: MenuEntry | undefined;
  /** Undefined when the stock menu decides alone. */
  readonly count: CountPlan | undefined;
}

/** The systems that GRUB starts one after the other when no verdict comes. */
export interface CountPlan {
  readonly gen: number;
  /** The entry that GRUB starts when it cannot count. */
  readonly safe: MenuEntry;
  readonly stages: readonly CountStage[];
}

export interface CountStage {
  readonly entry: MenuEntry;
  /** How many boots it gets. Undefined: all the others. */
  readonly left: number | undefined;
  /** Words on the kernel command line for the reason why it is started. */
  readonly words: string;
}

/** What the plan depends on, beside the record. */
export interface PlanFacts {
  /** The first boot of the trial has begun. */
  readonly isTrialUsed: boolean;
  readonly givesVerdicts: boolean;
}

/** Boots of the passive system after a trial has failed, before the last resort, when the record sets no limit. */
const BOOTS_AFTER_FALL = 3;

/** Throws "boot" when Kairos has no menu entry for a slot of the record. */
export function planOf(record: BootRecord, facts: PlanFacts): GrubPlan {
  const { good, trial } = record;
  const next = trial !== undefined && !facts.isTrialUsed ? requireEntry(trial) : undefined;
  requireEntry(good);
  const assessment = good === "passive" ? "failed" : "clear";
  return { assessment, next, count: countOf(record, facts) };
}

function countOf(
  record: BootRecord,
  { givesVerdicts, isTrialUsed }: PlanFacts,
): CountPlan | undefined {
  const { gen, good, trial, tries, limit } = record;
  const stages: CountStage[] = [];
  // The entry for one boot is the first of the tries. When a count is lost later, its trial gets no more of them.
  const left = isTrialUsed ? 0 : tries - 1;
  if (trial !== undefined && (tries > 1 || givesVerdicts))
    stages.push({ entry: requireEntry(trial), left, words: "" });
  if (limit > 0 || (trial !== undefined && givesVerdicts)) stages.push(...goodStages(record));
  return stages.length === 0 ? undefined : { gen, safe: requireEntry(good), stages };
}

/** The good slot, and what follows when it is used up. control/next-boot.ts has the same order. */
function goodStages({ good, trial, limit, last }: BootRecord): CountStage[] {
  const fell = trial === undefined ? "" : `tandem.fell=${trial} tandem.why=tries`;
  const words = joined(`tandem.gave_up=${good}:limit`, fell);
  const entry = requireEntry(good);
  if (last === undefined) return [{ entry, left: undefined, words: fell }];
  const stages: CountStage[] = [{ entry, left: limit > 0 ? limit : BOOTS_AFTER_FALL, words: fell }];
  const other: SlotName = good === "active" ? "passive" : "active";
  if (limit > 0 && other !== last && other !== trial && good !== "recovery")
    stages.push({ entry: requireEntry(other), left: limit, words });
  return [...stages, { entry: requireEntry(last), left: undefined, words }];
}

function joined(...words: readonly string[]): string {
  return words.filter((word) => word !== "").join(" ");
}

function requireEntry(slot: SlotName): MenuEntry {
  const entry = entryOf(slot);
  if (entry !== undefined) return entry;
  throw new TandemError("boot", `Cannot boot slot ${slot}: the menu of Kairos has no entry for it`);
}
