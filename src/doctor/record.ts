import { settled } from "../control/decide.ts";
import type { BootRecord } from "../control/record.ts";
import { unfitSlots } from "../control/state.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import { type Machine, policyOf } from "../machine/machine.ts";
import { removeFromRecord } from "../upgrade/verify.ts";
import { about, type Finding } from "../lib/finding.ts";
import type { ContentsOfSlots } from "./contents.ts";
import { startable } from "./startable.ts";
import { isUnused } from "./state.ts";

/** Whether the boot record names slots that boot. */
export function checkRecord(machine: Machine, contents: ContentsOfSlots): Finding {
  const { record, recordProblems } = machine.loaderData;
  const { ok, warn, bad } = about("boot record", "boot");
  if (record === undefined)
    return bad(`both copies are lost: ${recordProblems.join("; ")}`, newRecord(machine, contents));
  const flaw = flawOf(machine, record, contents);
  if (flaw !== undefined) return bad(flaw, newRecord(machine, contents));
  const unfit = unfitOf(machine, record);
  if (unfit !== undefined)
    return bad(`it names slot ${unfit}, which must not boot`, {
      advice: "Run tandem doctor --fix.",
      repair: {
        what: `take slot ${unfit} out of the boot record`,
        run: () => removeFromRecord(machine, unfit),
      },
    });
  const [problem] = recordProblems;
  if (problem === undefined || isUnused(problem)) return ok(textOf(record));
  return warn(`${textOf(record)}; ${problem}`, {
    advice: "The next upgrade or verdict writes this copy again.",
  });
}

function textOf({ gen, good, trial, tries, last }: BootRecord): string {
  return [
    `number ${gen}: slot ${good} is good`,
    ...(trial === undefined ? [] : [`slot ${trial} is on trial, ${tries} tries`]),
    ...(last === undefined ? [] : [`slot ${last} is the last resort`]),
  ].join(", ");
}

/** The trial or the last resort, when it holds no whole system or was found bad. */
function unfitOf({ memory }: Machine, { trial, last }: BootRecord): SlotName | undefined {
  const unfit = unfitSlots(memory.state);
  return [trial, last].find((slot) => slot !== undefined && unfit.includes(slot));
}

/** Only the good slot matters: the boot loader skips a trial or a last resort that cannot be started. */
function flawOf(
  machine: Machine,
  { good }: BootRecord,
  contents: ContentsOfSlots,
): string | undefined {
  if (good === machine.booted) return undefined;
  if (machine.slots[good] === undefined)
    return `it names slot ${good}, which the disk does not have`;
  const able = startable(machine, contents);
  if (able.includes(good) || able.length === 0) return undefined;
  return `it names slot ${good}, which holds no system that boots; slot ${able[0]} holds one`;
}

/** A new record: the running slot is good, unless it is recovery; else the best of the others. */
function newRecord(
  machine: Machine,
  contents: ContentsOfSlots,
): Pick<Finding, "advice" | "repair"> {
  const { booted } = machine;
  const runs = booted === "recovery" ? undefined : booted;
  const good = runs ?? startable(machine, contents, fallbackOf(machine))[0] ?? booted;
  if (good === undefined)
    return {
      advice:
        "No slot holds a system that boots. To install again, zero the first 4 KiB of each slot and run tandem doctor --fix, then tandem upgrade --disk.",
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
