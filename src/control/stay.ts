import type { SlotName } from "../slot/slot.ts";
import type { BootRecord } from "./record.ts";

/** A boot that has failed, as the boot loader told of it. */
export interface FailedBoot {
  readonly slot: SlotName;
  /** The record that the loader went by; undefined: something else started this slot. */
  readonly gen: number | undefined;
  /** Boots that are left after this one; undefined: it was not counted. */
  readonly left: number | undefined;
  /** The loader could not count. */
  readonly uncounted: boolean;
}

/**
 * Why a failed boot must not end in a reboot: the loader would start the same system again, for ever. undefined: a reboot leads on,
 * because this boot was counted or because a trial waits that was armed after it.
 */
export function whyStay(record: BootRecord | undefined, boot: FailedBoot): string | undefined {
  if (record === undefined) return "both copies of the boot record are lost";
  if (boot.gen === undefined) return "the boot loader did not say how it came to this slot";
  if (boot.uncounted) return "the boot loader cannot count boots";
  const { good, trial } = record;
  if (boot.left !== undefined || boot.slot === trial) return undefined;
  if (trial !== undefined && boot.gen < record.gen) return undefined;
  return boot.slot === good
    ? `slot ${good} is the good one, and its boots are not counted`
    : `slot ${boot.slot} is where the boot loader ends`;
}
