import type { BootRecord } from "../../control/record.ts";
import type { SlotName } from "../../slot/slot.ts";

/** A slot that systemd-boot may choose. */
export interface Candidate {
  readonly slot: SlotName;
  /** Boots that it gets; undefined: as many as it likes. */
  readonly tries: number | undefined;
}

/**
 * What a record says, as a list: systemd-boot takes the first that has boots left and whose kernel is there. The same order as in
 * grub.cfg, but for its end: where GRUB shows its menu because all is used up, systemd-boot goes on with the good slot. The last one is
 * never counted: what is counted is renamed, and a firmware that is cut meanwhile may lose it.
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
  const isSafe = list.some((candidate) => candidate.tries === undefined);
  return isSafe || !isStartable(good) ? list : [...list, { slot: good, tries: undefined }];
}

function restOf({ good, limit, last }: BootRecord): Candidate[] {
  const other = good === "a" ? "b" : "a";
  // Only reached when the good slot cannot be loaded: any slot that loads is better than none.
  if (limit === 0)
    return unique([other, last, "recovery"]).map((slot) => ({ slot, tries: undefined }));
  if (last === undefined) return [];
  const end = { slot: last, tries: undefined };
  return other === last || good === "recovery" ? [end] : [{ slot: other, tries: limit }, end];
}

function unique(slots: readonly (SlotName | undefined)[]): SlotName[] {
  return [...new Set(slots)].filter((slot) => slot !== undefined);
}
