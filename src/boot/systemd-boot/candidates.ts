import type { BootRecord } from "../../control/record.ts";
import type { SlotName } from "../../slot/slot.ts";

/** A slot that systemd-boot may choose. */
export interface Candidate {
  readonly slot: SlotName;
  /** How many boots it gets; undefined: no limit. */
  readonly tries: number | undefined;
}

/**
 * The record as a list of slots. systemd-boot starts the first one that has boots left and whose kernel is there. The order is that of
 * grub.cfg, except for the end: when all boots are used up GRUB shows its menu, and systemd-boot starts the good slot again. The last
 * candidate is never counted: to count is to rename, and a power cut during a rename may lose the entry.
 */
export function candidatesOf(
  record: BootRecord,
  isStartable: (slot: SlotName) => boolean,
): Candidate[] {
  const { good, trial, tries, limit } = record;
  const first = [
    ...(trial === undefined ? [] : [{ slot: trial, tries }]),
    { slot: good, tries: limit > 0 ? limit : undefined },
  ];
  const named = new Set([trial, good]);
  const rest = restOf(record).filter(({ slot }) => !named.has(slot));
  const list = [...first, ...rest].filter(({ slot }) => isStartable(slot));
  const hasUncounted = list.some((candidate) => candidate.tries === undefined);
  return hasUncounted || !isStartable(good) ? list : [...list, { slot: good, tries: undefined }];
}

function restOf({ good, limit, last }: BootRecord): Candidate[] {
  const other = good === "a" ? "b" : "a";
  // The good slot cannot be loaded: any slot that loads is better than none.
  if (limit === 0)
    return unique([other, last, "recovery"]).map((slot) => ({ slot, tries: undefined }));
  if (last === undefined) return [];
  const end = { slot: last, tries: undefined };
  return other === last || good === "recovery" ? [end] : [{ slot: other, tries: limit }, end];
}

function unique(slots: readonly (SlotName | undefined)[]): SlotName[] {
  return [...new Set(slots)].filter((slot) => slot !== undefined);
}
