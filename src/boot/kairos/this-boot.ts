/** How GRUB came to start this system, by the words of the stock menu on the kernel command line. */
import type { BootRecord } from "../../control/record.ts";
import type { SlotName } from "../../slot/slot.ts";
import { readNext } from "./grub-files.ts";
import { isMadeNow, originOf } from "./origin.ts";
import { entryOf, type KairosPlaces } from "./places.ts";

/** What GRUB's assessment puts there when it starts the passive system by itself. */
const FAILED = "upgrade_failure";

/**
 * The slot whose image GRUB has opened. After a swap the running system has another name. Undefined when GRUB has
 * opened none.
 */
export function startedSlot({ cmdline }: Pick<KairosPlaces, "cmdline">): SlotName | undefined {
  const words = wordsOf(cmdline);
  if (words.some((word) => word.startsWith("rd.live.squashimg="))) return "recovery";
  const word = words.findLast((one) => one.startsWith("cos-img/filename="));
  switch (word?.replace(/^.*\//, "")) {
    case "active.img":
      return "active";
    case "passive.img":
      return "passive";
    case "recovery.img":
    case "recovery.squashfs":
      return "recovery";
    case undefined:
    default:
      return undefined;
  }
}

/** GRUB has started the passive system because the active one was not confirmed. */
export function isFallback(places: KairosPlaces): boolean {
  return wordsOf(places.cmdline).includes(FAILED);
}

/** Whether the first boot of the record's trial has begun. */
export function isTrialUsed(places: KairosPlaces, record: BootRecord): boolean {
  return isMadeNow(places, record) !== true && !isStillAhead(places, record);
}

/** GRUB has not run since the record was made, as after a restart by kexec, or it did not read our file. */
export function isStillAhead(places: KairosPlaces, record: BootRecord): boolean {
  const { trial } = record;
  if (trial === undefined || startedSlot(places) === trial) return false;
  const next = readNext(places);
  return next !== undefined && next === entryOf(trial) && next === originOf(places, record)?.next;
}

/** The trial is armed, and its system has not become the active one: the power was cut before the swap. */
export function isArmedTooEarly(places: KairosPlaces, { trial }: BootRecord): boolean {
  return trial === "active" && !places.isSwapped();
}

function wordsOf(cmdline: string): string[] {
  return cmdline.split(/\s+/);
}
