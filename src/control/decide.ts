/** Computes the next boot record. Nothing here writes it: Bootloader.commit does. */
import { assert } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import type { BootRecord, NextRecord } from "./record.ts";

/** How the boot loader came to start this slot, as the kernel command line says. */
export interface Boot {
  readonly slot: SlotName;
  /** The generation of the record that the loader has used. Undefined when another program has started this slot. */
  readonly gen: number | undefined;
  /** The trial that the loader has given up. */
  readonly fell: SlotName | undefined;
  /** The good slot, when the loader has given it up. */
  readonly gaveUp?: SlotName | undefined;
}

/** What the next record depends on, beside the record before it. */
export interface Policy {
  /** Boots for the good slot without a verdict; 0: no limit. */
  readonly limit: number;
  /** The slots that the state allows the loader to fall back to. */
  readonly bootable: readonly SlotName[];
}

/** The first record of a disk, or a new record after both copies are lost. */
export function settled(good: SlotName, { limit, bootable }: Policy): NextRecord {
  return { good, trial: undefined, tries: 0, limit, last: lastOf(good, bootable) };
}

/** Withdraws a pending trial. Then the loader does not start its slot, which may be overwritten. */
export function disarm({ good, limit, last }: BootRecord): NextRecord {
  return { good, trial: undefined, tries: 0, limit, last };
}

/**
 * Sets the good slot aside for `tries` boots of `trial`. A slot on trial cannot be the last resort: settleGood()
 * chooses another.
 */
export function armTrial(record: BootRecord, trial: SlotName, tries: number): NextRecord {
  const { good, limit, last } = record;
  assert(trial !== good, `slot ${trial} is the good one and needs no trial`);
  return { good, trial, tries, limit, last: last === trial ? undefined : last };
}

/**
 * The record for a new system that takes the slot `active`, with one slot for the good system beside it: `passive`. The
 * good system moves there, or is there already.
 */
export function armStaged({ limit, last }: BootRecord, tries: number): NextRecord {
  return {
    good: "passive",
    trial: "active",
    tries,
    limit,
    last: last === "recovery" ? last : undefined,
  };
}

/**
 * Makes `slot` no longer the last resort, because it is about to be overwritten. Undefined when it is not the last
 * resort.
 */
export function detach(record: BootRecord, slot: SlotName, policy: Policy): NextRecord | undefined {
  if (record.last !== slot) return undefined;
  const { good, trial, tries } = record;
  const rest = policy.bootable.filter((name) => name !== slot && name !== trial);
  return { good, trial, tries, limit: policy.limit, last: lastOf(good, rest) };
}

/** Makes `slot` the last resort: the loader starts it when the other slots are used up. */
export function attach(record: BootRecord, slot: SlotName, { limit }: Policy): NextRecord {
  const { good, trial, tries } = record;
  assert(slot !== good && slot !== trial, `slot ${slot} is good or on trial, not the last`);
  return { good, trial, tries, limit, last: slot };
}

/**
 * The next record after the checks have passed in the booted slot. Undefined when the record stays as it is.
 * - The booted slot is the trial, or neither trial nor good: it becomes the good slot. The recovery slot never does, as
 *   it is there to repair from.
 * - The good slot is booted and its trial is over: the trial ends.
 * - The good slot is booted and a trial waits that was armed after this boot, or that the loader could not count: the
 *   trial stays.
 * - The good slot is booted and counted against a limit: the same record again, as a new generation resets the count.
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

/** The next record after the loader has fallen back from the trial to the good slot. Undefined when it has not. */
export function endTrial(record: BootRecord, boot: Boot, policy: Policy): NextRecord | undefined {
  const { good, trial } = record;
  const isOver = trial !== undefined && boot.fell === trial && boot.gen === record.gen;
  if (!isOver) return undefined;
  return settled(good, { ...policy, bootable: without(policy.bootable, trial) });
}

/** The good slot, when the loader has given it up and started this slot instead. */
export function passedOver(record: BootRecord, boot: Boot): SlotName | undefined {
  const { good } = record;
  return boot.gaveUp === good && boot.gen === record.gen && boot.slot !== good ? good : undefined;
}

/**
 * The next record after the operator has called `slot` bad. Undefined when the record stays as it is. A trial of the
 * slot ends. When the slot is the good one, another slot becomes good; throws "boot" when no other slot may boot.
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

/**
 * The last resort: recovery, else the other slot, else the menu. Before recovery the loader also counts boots of the
 * other slot.
 */
function lastOf(good: SlotName, bootable: readonly SlotName[]): SlotName | undefined {
  if (good !== "recovery" && bootable.includes("recovery")) return "recovery";
  return bootable.find((name) => name !== good);
}

function without(names: readonly SlotName[], name: SlotName | undefined): SlotName[] {
  return names.filter((one) => one !== name);
}
