import type { SlotName } from "../slot/slot.ts";
import type { BootRecord } from "./record.ts";

/** A boot that has failed, as the boot loader has reported it. */
export interface FailedBoot {
  readonly slot: SlotName;
  /** The generation of the record that the loader has used. Undefined when another program has started this slot. */
  readonly gen: number | undefined;
  /** Boots that the slot has left after this one. Undefined when this boot was not counted. */
  readonly left: number | undefined;
  /** The loader wanted to count this boot and could not. */
  readonly uncounted: boolean;
}

/**
 * Why the machine must not reboot after a failed boot: the loader would start the same system again and again.
 * Undefined when a reboot helps, because this boot was counted, or because a trial was armed after it.
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
    : `slot ${boot.slot} is the last resort: nothing else would boot`;
}
