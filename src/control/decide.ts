/** What the next record is. Nothing here writes; Bootloader.commit does. */
import { assert } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import type { BootRecord, NextRecord } from "./record.ts";

/** How this boot came about, as the boot loader put it on the kernel command line. */
export interface Boot {
  readonly slot: SlotName;
  /** The record that the loader went by; undefined: something else started this slot. */
  readonly gen: number | undefined;
  /** The trial that the loader gave up on. */
  readonly fell: SlotName | undefined;
  /** The good slot that the loader gave up on. */
  readonly gaveUp?: SlotName | undefined;
}

/** What a record is made by besides the one before it. */
export interface Policy {
  /** Boots for the good slot without a verdict; 0: no limit. */
  readonly limit: number;
  /** The slots that may be fallen into, as the state knows them. */
  readonly bootable: readonly SlotName[];
}

/** The first record of a disk, or a new one where both copies are lost. */
export function settled(good: SlotName, { limit, bootable }: Policy): NextRecord {
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

/** Takes `slot` off the end of the way, because it is about to be overwritten. undefined: nothing ends there. */
export function detach(record: BootRecord, slot: SlotName, policy: Policy): NextRecord | undefined {
  if (record.last !== slot) return undefined;
  const { good, trial, tries } = record;
  const rest = policy.bootable.filter((name) => name !== slot && name !== trial);
  return { good, trial, tries, limit: policy.limit, last: lastOf(good, rest) };
}

/** Puts `slot` at the end of the way: what the loader starts when the other slots are used up. */
export function attach(record: BootRecord, slot: SlotName, { limit }: Policy): NextRecord {
  const { good, trial, tries } = record;
  assert(slot !== good && slot !== trial, `slot ${slot} is good or on trial, not the last`);
  return { good, trial, tries, limit, last: slot };
}

/**
 * The checks passed in the booted slot. undefined: the record stays.
 * - The trial, or a slot that is neither: it becomes the good one. Recovery does not, it is a place to repair from.
 * - The good slot, while the trial that this boot came from is over: the trial ends.
 * - The good slot, while a trial waits that was armed after this boot, or that the loader could not count: the trial stays.
 * - The good slot, counted against a limit: the same again, because a new number resets the loader's count.
 */
export function settleGood(record: BootRecord, boot: Boot, policy: Policy): NextRecord | undefined {
  const { good, trial } = record;
  if (boot.slot !== good) {
    if (boot.slot === "recovery" && trial !== "recovery") return undefined;
    const over = passedOver(record, boot);
    return settled(boot.slot, { ...policy, bootable: without(policy.bootable, over) });
  }
  if (trial !== undefined) return endTrial(record, boot, policy);
  const next = settled(good, policy);
  const isSame = next.limit === record.limit && next.last === record.last;
  return isSame && next.limit === 0 ? undefined : next;
}

/** The loader fell from the trial to the good slot: the trial is over. undefined: it did not. */
export function endTrial(record: BootRecord, boot: Boot, policy: Policy): NextRecord | undefined {
  const { good, trial } = record;
  const isOver = trial !== undefined && boot.fell === trial && boot.gen === record.gen;
  if (!isOver) return undefined;
  return settled(good, { ...policy, bootable: without(policy.bootable, trial) });
}

/** The good slot, when this boot is in another one because the loader gave up on it. */
export function passedOver(record: BootRecord, boot: Boot): SlotName | undefined {
  const { good } = record;
  return boot.gaveUp === good && boot.gen === record.gen && boot.slot !== good ? good : undefined;
}

/**
 * The operator calls `slot` bad. undefined: the record stays. A trial of it ends; from the good slot the other one takes over, and
 * without another that may boot it throws `boot`.
 */
export function condemn(
  record: BootRecord,
  slot: SlotName,
  policy: Policy,
): NextRecord | undefined {
  const bootable = without(policy.bootable, slot);
  const { good, trial } = record;
  if (slot === trial) return settled(good, { ...policy, bootable });
  if (slot !== good) return detach(record, slot, policy);
  const other = bootable.find((name) => name !== "recovery" && name !== trial);
  if (other === undefined)
    throw new TandemError("boot", `Cannot mark slot ${slot} bad: no other slot has proven itself`, {
      hint: "Upgrade first, or wait for the verdict on the trial.",
    });
  return settled(other, { ...policy, bootable });
}

/** Recovery, else the other slot, else the menu. Before it ends in recovery, the loader counts boots of the other slot, too. */
function lastOf(good: SlotName, bootable: readonly SlotName[]): SlotName | undefined {
  if (good !== "recovery" && bootable.includes("recovery")) return "recovery";
  return bootable.find((name) => name !== good);
}

function without(names: readonly SlotName[], name: SlotName | undefined): SlotName[] {
  return names.filter((one) => one !== name);
}
