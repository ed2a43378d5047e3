import { settled } from "../control/decide.ts";
import type { BootRecord } from "../control/record.ts";
import { unfitSlots } from "../control/state.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import { type Machine, policyOf } from "../machine/machine.ts";
import { leaveOut } from "../upgrade/verify.ts";
import { about, type Finding } from "../lib/finding.ts";
import type { HeldSlots } from "./held.ts";
import { startable } from "./startable.ts";
import { isUnused } from "./state.ts";

/** Whether the boot record leads to slots that boot. */
export function checkRecord(machine: Machine, held: HeldSlots): Finding {
  const { record, recordProblems } = machine.loaderData;
  const { ok, warn, bad } = about("boot record", "boot");
  if (record === undefined)
    return bad(`both copies are lost: ${recordProblems.join("; ")}`, lead(machine, held));
  const flaw = flawOf(machine, record, held);
  if (flaw !== undefined) return bad(flaw, lead(machine, held));
  const unfit = unfitOf(machine, record);
  if (unfit !== undefined)
    return bad(`it leads to slot ${unfit}, which must not boot`, {
      advice: "Run tandem doctor --fix.",
      repair: {
        what: `take slot ${unfit} out of the boot record`,
        run: () => leaveOut(machine, unfit),
      },
    });
  const [problem] = recordProblems;
  if (problem === undefined || isUnused(problem)) return ok(textOf(record));
  return warn(`${textOf(record)}; ${problem}`, {
    advice: "The next upgrade or verdict writes this copy anew.",
  });
}

function textOf({ gen, good, trial, tries, last }: BootRecord): string {
  return [
    `number ${gen}: slot ${good} is good`,
    ...(trial === undefined ? [] : [`slot ${trial} is on trial, ${tries} tries`]),
    ...(last === undefined ? [] : [`slot ${last} is the last resort`]),
  ].join(", ");
}

/** The trial or the last resort, when nothing whole is in it or it was found bad. */
function unfitOf({ memory }: Machine, { trial, last }: BootRecord): SlotName | undefined {
  const unfit = unfitSlots(memory.state);
  return [trial, last].find((slot) => slot !== undefined && unfit.includes(slot));
}

/** Only the good slot counts: a trial or a last resort that cannot be started is passed over by the boot loader. */
function flawOf(machine: Machine, { good }: BootRecord, held: HeldSlots): string | undefined {
  if (good === machine.booted) return undefined;
  if (machine.slots[good] === undefined)
    return `it names slot ${good}, which the disk does not have`;
  const able = startable(machine, held);
  if (able.includes(good) || able.length === 0) return undefined;
  return `it leads to slot ${good}, which holds nothing that boots; slot ${able[0]} does`;
}

/** The slot that runs, unless it is only there to repair from, else the one that is known best. */
function lead(machine: Machine, held: HeldSlots): Pick<Finding, "advice" | "repair"> {
  const { booted } = machine;
  const runs = booted === "recovery" ? undefined : booted;
  const good = runs ?? startable(machine, held, fallbackOf(machine))[0] ?? booted;
  if (good === undefined)
    return {
      advice:
        "No slot holds a system that boots. To install anew, zero the first 4 KiB of each slot and run tandem doctor --fix, then tandem upgrade --disk.",
    };
  return {
    advice: "Run tandem doctor --fix, or tandem mark good in the slot that is to be kept.",
    repair: {
      what: `write a new boot record: slot ${good} is good`,
      async run() {
        await machine.loader.commit(settled(good, policyOf(machine)));
      },
    },
  };
}

/** The slot that the loader starts while the record is lost. Where it cannot be read, another finding says so. */
function fallbackOf({ loader }: Machine): SlotName | undefined {
  try {
    return loader.fallback();
  } catch (error) {
    if (error instanceof TandemError) return undefined;
    throw error;
  }
}
