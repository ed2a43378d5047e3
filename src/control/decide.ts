/**
 * What the next record is. Nothing here writes; Control.commitRecord does. `bootable` are the slots that may be fallen into, as the
 * state knows them.
 */
import { assert } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import type { BootRecord, NextRecord } from "./record.ts";

/** How this boot came about, as the boot loader put it on the kernel command line. */
export interface Boot {
  readonly slot: SlotName;
  /** The record that the loader went by; undefined: something else started this slot. */
  readonly gen: number | undefined;
}

/** The first record of a disk, or a new one where both copies are lost. */
export function settled(
  good: SlotName,
  { limit, bootable }: { readonly limit: number; readonly bootable: readonly SlotName[] },
): NextRecord {
  return { good, trial: undefined, tries: 0, limit, last: lastOf(good, bootable) };
}

/** Takes a pending trial back, so that nothing leads the loader there and its slot may be overwritten. */
export function disarm({ good, limit, last }: BootRecord): NextRecord {
  return { good, trial: undefined, tries: 0, limit, last };
}

/** The good slot is set aside for `tries` boots of `trial`. A slot on trial is no place to end at: settleGood() chooses one anew. */
export function armTrial(record: BootRecord, trial: SlotName, tries: number): NextRecord {
  const { good, limit, last } = record;
  assert(trial !== good, `slot ${trial} is the good one and needs no trial`);
  return { good, trial, tries, limit, last: last === trial ? undefined : last };
}

/**
 * The checks passed in the booted slot. undefined: the record stays.
 * - The trial, or a slot that is neither: it becomes the good one. Recovery does not, it is a place to repair from.
 * - The good slot, while the trial that this boot came from is over: the trial ends.
 * - The good slot, while a trial waits that was armed after this boot, or that the loader could not count: the trial stays.
 * - The good slot, counted against a limit: the same again, because a new number resets the loader's count.
 */
export function settleGood(
  record: BootRecord,
  boot: Boot & { readonly fell: SlotName | undefined },
  bootable: readonly SlotName[],
): NextRecord | undefined {
  const { good, trial, limit } = record;
  if (boot.slot !== good) {
    if (boot.slot === "recovery" && trial !== "recovery") return undefined;
    return settled(boot.slot, { limit, bootable });
  }
  if (trial !== undefined) return endTrial(record, boot, bootable);
  return limit > 0 ? settled(good, { limit, bootable }) : undefined;
}

/** The loader fell from the trial to the good slot: the trial is over. undefined: it did not. */
export function endTrial(
  record: BootRecord,
  boot: Boot & { readonly fell: SlotName | undefined },
  bootable: readonly SlotName[],
): NextRecord | undefined {
  const { good, trial, limit } = record;
  const isOver = trial !== undefined && boot.fell === trial && boot.gen === record.gen;
  if (!isOver) return undefined;
  return settled(good, { limit, bootable: bootable.filter((name) => name !== trial) });
}

/**
 * The operator calls `slot` bad. undefined: the record stays. A trial of it ends; from the good slot the other one takes over, and
 * without another that may boot it throws `boot`.
 */
export function condemn(
  record: BootRecord,
  slot: SlotName,
  bootable: readonly SlotName[],
): NextRecord | undefined {
  const rest = bootable.filter((name) => name !== slot);
  const { good, trial, limit, last } = record;
  if (slot === trial) return disarm(record);
  if (slot === last) return { ...record, last: undefined };
  if (slot !== good) return undefined;
  const other = rest.find((name) => name !== "recovery" && name !== trial);
  if (other === undefined)
    throw new TandemError("boot", `Cannot mark slot ${slot} bad: no other slot has proven itself`, {
      hint: "Upgrade first, or wait for the verdict on the trial.",
    });
  return settled(other, { limit, bootable: rest });
}

/** Recovery, else the other slot, else the menu. */
function lastOf(good: SlotName, bootable: readonly SlotName[]): SlotName | undefined {
  if (good !== "recovery" && bootable.includes("recovery")) return "recovery";
  return bootable.find((name) => name !== good);
}
