import type { SlotName } from "../slot/slot.ts";
import type { Boot, Policy } from "./decide.ts";
import type { BootRecord } from "./record.ts";

export interface NextBoot {
  readonly slot: SlotName;
  readonly role: "trial" | "good" | "other" | "last";
  /** Boots it still has without a verdict; absent: they are not limited. */
  readonly left?: number;
}

/** A boot with the count that the loader told. */
export interface CountedBoot extends Boot {
  /** Boots that are left after this one. */
  readonly left: number | undefined;
}

/**
 * What the boot loader starts next. It counts for itself, so what this boot did not tell is not known: then it is as if nothing had been
 * counted. undefined: it shows its menu.
 */
export function nextBoot(
  record: BootRecord,
  boot: CountedBoot | undefined,
  bootable: Policy["bootable"],
): NextBoot | undefined {
  const told = boot?.gen === record.gen ? boot : undefined;
  const trial = trialNext(record, told);
  if (trial !== undefined) return trial;
  return told === undefined ? goodNext(record, record.limit) : afterTrial(record, told, bootable);
}

function trialNext(
  { trial, tries }: BootRecord,
  told: CountedBoot | undefined,
): NextBoot | undefined {
  if (trial === undefined || told?.fell === trial) return undefined;
  const left = told?.slot === trial ? (told.left ?? 0) : tries;
  return left > 0 ? { slot: trial, role: "trial", left } : undefined;
}

function afterTrial(
  record: BootRecord,
  told: CountedBoot,
  bootable: Policy["bootable"],
): NextBoot | undefined {
  const { good, limit } = record;
  if (told.slot !== good)
    return told.gaveUp === good ? passed(record, told) : goodNext(record, limit);
  // A boot that was not counted leaves the count as it was.
  const left = told.left ?? limit;
  return limit === 0 || left > 0 ? goodNext(record, left) : afterGood(record, bootable);
}

function goodNext({ good, limit }: BootRecord, left: number): NextBoot {
  return limit === 0 ? { slot: good, role: "good" } : { slot: good, role: "good", left };
}

/** The good slot has no boots left. */
function afterGood(
  { good, trial, limit, last }: BootRecord,
  bootable: Policy["bootable"],
): NextBoot | undefined {
  const other = bootable.find((name) => name !== good && name !== "recovery");
  const isCounted = last !== undefined && other !== last && other !== trial;
  if (other !== undefined && isCounted) return { slot: other, role: "other", left: limit };
  return last === undefined ? undefined : { slot: last, role: "last" };
}

/** This boot is on the way down from the good slot. */
function passed({ last }: BootRecord, { slot, left = 0 }: CountedBoot): NextBoot {
  if (slot === last || last === undefined) return { slot, role: "last" };
  return left > 0 ? { slot, role: "other", left } : { slot: last, role: "last" };
}
