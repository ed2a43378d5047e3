import type { BootRecord } from "../../control/record.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { BootSummary, CurrentBoot } from "../bootloader.ts";
import type { Counter, Entry } from "./entry.ts";
import { readEntries } from "./entry-folder.ts";
import type { Esp } from "../esp/esp.ts";
import { missingFile } from "./slot-files.ts";

interface Passed {
  readonly slot: SlotName;
  readonly why: "tries" | "kernel";
}

/**
 * What systemd-boot has done, seen from what it has left: it cannot put a count on the kernel command line. What a slot has used up
 * before this boot says that the loader went on to the next one.
 */
export function bootSummaryOf(esp: Esp, { slot, cmdline }: CurrentBoot): BootSummary {
  const { gen, inForce } = readEntries(esp);
  const record = inForce[0]?.record;
  const passed = slot === undefined ? [] : passedOver(esp, slot, inForce);
  // The good slot may have an entry besides that is not counted.
  const isCurrent = cmdline.gen === gen && cmdline.counted;
  const counter = isCurrent ? inForce.find((entry) => entry.slot === slot)?.counter : undefined;
  // What was used up was so under the newest record, whichever entry this boot came from.
  return {
    ...told(passed, record),
    ...counted(counter, (slot === record?.trial ? record?.tries : record?.limit) ?? 0),
    gen: passed.length > 0 ? gen : cmdline.gen,
  };
}

/** The slots that the record has before this one and that could not be started any more. */
function passedOver(esp: Esp, slot: SlotName, inForce: readonly Entry[]): Passed[] {
  const record = inForce[0]?.record;
  if (record === undefined || slot === record.trial) return [];
  const before = slot === record.good ? [record.trial] : [record.trial, record.good];
  return inForce
    .filter((entry) => before.includes(entry.slot))
    .flatMap((entry) => {
      const why = whyPassed(esp, entry);
      return why === undefined ? [] : [{ slot: entry.slot, why }];
    });
}

function whyPassed(esp: Esp, entry: Entry): Passed["why"] | undefined {
  if (entry.counter?.left === 0) return "tries";
  return missingFile(esp, entry) === undefined ? undefined : "kernel";
}

/** In the words that GRUB has for it. */
function told(
  passed: readonly Passed[],
  record: BootRecord | undefined,
): Pick<BootSummary, "fell" | "why" | "gaveUp"> {
  const trial = passed.find(({ slot }) => slot === record?.trial);
  const good = passed.find(({ slot }) => slot === record?.good);
  const why = good?.why === "tries" ? "limit" : "kernel";
  return { fell: trial?.slot, why: trial?.why, gaveUp: good && { slot: good.slot, why } };
}

/** systemd-boot boots all the same when it cannot rename, and also when all boots are used up: then it counts what comes on top. */
function counted(
  counter: Counter | undefined,
  tries: number,
): Pick<BootSummary, "left" | "uncounted"> {
  if (counter === undefined) return { left: undefined, uncounted: false };
  const { left, done } = counter;
  return done > tries ? { left: undefined, uncounted: false } : { left, uncounted: done === 0 };
}
