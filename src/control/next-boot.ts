import type { SlotName } from "../slot/slot.ts";
import type { Boot, Policy } from "./decide.ts";
import type { BootRecord } from "./record.ts";

export interface NextBoot {
  readonly slot: SlotName;
  readonly role: "trial" | "good" | "other" | "last";
  /** Boots that it has left without a verdict. Absent when they are not limited. */
  readonly left?: number;
}

/** A boot with the count that the loader has reported. */
export interface CountedBoot extends Boot {
  /** Boots that are left after this one. */
  readonly left: number | undefined;
}

/**
 * The slot that the boot loader starts next. Undefined when it shows its menu. Only the loader knows its counts: when
 * this boot has not reported a count for the record, this function assumes that nothing was counted.
 */
export function nextBoot(
  record: BootRecord,
  boot: CountedBoot | undefined,
  bootable: Policy["bootable"],
): NextBoot | undefined {
  const reported = boot?.gen === record.gen ? boot : undefined;
  const trial = trialNext(record, reported);
  if (trial !== undefined) return trial;
  return reported === undefined
    ? goodNext(record, record.limit)
    : afterTrial(record, reported, bootable);
}

function trialNext(
  { trial, tries }: BootRecord,
  reported: CountedBoot | undefined,
): NextBoot | undefined {
  if (trial === undefined || reported?.fell === trial) return undefined;
  const left = reported?.slot === trial ? (reported.left ?? 0) : tries;
  return left > 0 ? { slot: trial, role: "trial", left } : undefined;
}

function afterTrial(
  record: BootRecord,
  reported: CountedBoot,
  bootable: Policy["bootable"],
): NextBoot | undefined {
  const { good, limit } = record;
  if (reported.slot !== good)
    return reported.gaveUp === good ? afterFall(record, reported) : goodNext(record, limit);
  // A boot that was not counted does not change the count.
  const left = reported.left ?? limit;
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

/** The loader has fallen back from the good slot to the slot of this boot. */
function afterFall({ last }: BootRecord, { slot, left = 0 }: CountedBoot): NextBoot {
  if (slot === last || last === undefined) return { slot, role: "last" };
  return left > 0 ? { slot, role: "other", left } : { slot: last, role: "last" };
}
