import type { BootRecord } from "../../control/record.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { BootSummary, CurrentBoot } from "../bootloader.ts";
import type { Counter, LoaderEntry } from "./entry.ts";
import { readEntries } from "./entry-folder.ts";
import type { Esp } from "../esp/esp.ts";
import { missingFile } from "./slot-files.ts";

interface GivenUp {
  readonly slot: SlotName;
  readonly why: "tries" | "kernel";
}

/**
 * systemd-boot cannot put its count on the kernel command line. What it has done is read from the names of the entries: a slot that has no
 * boots left, and that comes before the running one, was given up.
 */
export function bootSummaryOf(esp: Esp, { slot, cmdline }: CurrentBoot): BootSummary {
  const { gen, inForce } = readEntries(esp);
  const record = inForce[0]?.record;
  const givenUp = slot === undefined ? [] : givenUpBefore(esp, slot, inForce);
  // The good slot may have a second entry, which is not counted.
  const isCounted = cmdline.gen === gen && cmdline.counted;
  const counter = isCounted ? inForce.find((entry) => entry.slot === slot)?.counter : undefined;
  // A slot was given up under the newest record, also when this boot came from an entry of an older one.
  return {
    ...cmdlineForm(givenUp, record),
    ...countOf(counter, (slot === record?.trial ? record?.tries : record?.limit) ?? 0),
    gen: givenUp.length > 0 ? gen : cmdline.gen,
  };
}

/** The slots that come before `slot` in the record and that could not be started any more. */
function givenUpBefore(esp: Esp, slot: SlotName, inForce: readonly LoaderEntry[]): GivenUp[] {
  const record = inForce[0]?.record;
  if (record === undefined || slot === record.trial) return [];
  const before = slot === record.good ? [record.trial] : [record.trial, record.good];
  return inForce
    .filter((entry) => before.includes(entry.slot))
    .flatMap((entry) => {
      const why = whyGivenUp(esp, entry);
      return why === undefined ? [] : [{ slot: entry.slot, why }];
    });
}

function whyGivenUp(esp: Esp, entry: LoaderEntry): GivenUp["why"] | undefined {
  if (entry.counter?.left === 0) return "tries";
  return missingFile(esp, entry) === undefined ? undefined : "kernel";
}

/** In the form of GRUB's options on the kernel command line. */
function cmdlineForm(
  givenUp: readonly GivenUp[],
  record: BootRecord | undefined,
): Pick<BootSummary, "fell" | "why" | "gaveUp"> {
  const trial = givenUp.find(({ slot }) => slot === record?.trial);
  const good = givenUp.find(({ slot }) => slot === record?.good);
  const why = good?.why === "tries" ? "limit" : "kernel";
  return { fell: trial?.slot, why: trial?.why, gaveUp: good && { slot: good.slot, why } };
}

/** systemd-boot also boots when it cannot rename the entry, and when no boots are left. Then it goes on to count the boots done. */
function countOf(
  counter: Counter | undefined,
  tries: number,
): Pick<BootSummary, "left" | "uncounted"> {
  if (counter === undefined) return { left: undefined, uncounted: false };
  const { left, done } = counter;
  return done > tries ? { left: undefined, uncounted: false } : { left, uncounted: done === 0 };
}
