import { failingOf } from "../control/failing.ts";
import type { BootRecord } from "../control/record.ts";
import { type Fall, type NewFall, type State, verdictOn } from "../control/state.ts";
import type { SlotName } from "../slot/slot.ts";
import { panicLines } from "./dumps.ts";
import type { Machine } from "../machine/machine.ts";

/** Why a system was given up, as the boot loader or a person says. */
export type Cause = Pick<NewFall, "stage" | "reason">;

/** Why the boot loader has given up the trial. A failed check says more than boots that were used up. */
export function causeOfTrial({ memory, cmdline }: Machine, trial: SlotName): Cause {
  const verdict = verdictOn(memory.state.slots[trial]);
  const last = verdict?.result === "bad" ? `; last: ${verdict.reason}` : "";
  if (cmdline.why === "kernel")
    return { stage: "kernel", reason: `its kernel could not be loaded${last}` };
  return {
    stage: last === "" ? "silent" : "checks",
    reason: `its tries were used up without a good verdict${last}`,
  };
}

/** Why the boot loader has given up the good slot. */
export function causeOfGood({ memory, cmdline }: Machine, { good, limit }: BootRecord): Cause {
  if (cmdline.gaveUp?.why === "kernel")
    return { stage: "kernel", reason: "its kernel could not be loaded" };
  const last = failingOf(memory.state, good);
  const failed = last === undefined ? "" : `; last: ${last.text}`;
  return {
    stage: "limit",
    reason: `it was the good one, and ${limit} boots of it passed without a good verdict${failed}`,
  };
}

/** Everything that is known about a fall when it is recorded. */
export function fallOf(machine: Machine, slot: SlotName, cause: Cause): NewFall {
  const { loaderData, memory, system } = machine;
  const { state } = memory;
  const armed = state.history.findLast((event) => isArming(event.kind) && event.slot === slot);
  const output = verdictOn(state.slots[slot])?.output ?? failingOf(state, slot)?.output;
  return {
    at: system.now().toISOString(),
    slot,
    ...cause,
    ...imageIn(state, slot),
    ...bootsAllowed(loaderData.record, slot, cause),
    ...(armed === undefined ? {} : { armedAt: armed.at }),
    ...(output === undefined ? {} : { output }),
    ...kernelWords(machine, cause),
  };
}

function imageIn(state: State, slot: SlotName): Pick<Fall, "digest" | "version"> {
  const slotState = state.slots[slot];
  if (slotState.status !== "written") return {};
  const { digest, version } = slotState;
  return version === undefined ? { digest } : { digest, version };
}

/** The generation of the record that started the slot, and the number of boots that the record allowed. */
function bootsAllowed(
  record: BootRecord | undefined,
  slot: SlotName,
  { stage }: Cause,
): Pick<Fall, "gen" | "tries"> {
  if (record === undefined) return {};
  const { gen, trial, tries, limit } = record;
  if (slot === trial) return { gen, tries };
  return stage === "limit" ? { gen, tries: limit } : { gen };
}

/** The kernel's last lines, only when user space has reported nothing and a kernel was started. */
function kernelWords({ system, memory }: Machine, { stage }: Cause): Pick<Fall, "kernel"> {
  if (stage !== "silent" && stage !== "limit") return {};
  const kernel = panicLines(system.files, memory.state.dumps ?? []);
  return kernel === undefined ? {} : { kernel };
}

/** Whether this fall is recorded already: the boot loader reports it at each boot until the next commit. */
export function isRecorded({ loaderData, memory }: Machine, slot: SlotName): boolean {
  const gen = loaderData.record?.gen;
  return (memory.state.falls ?? []).some(
    (fall) => fall.slot === slot && fall.gen === gen && fall.stage !== "hand",
  );
}

function isArming(kind: State["history"][number]["kind"]): boolean {
  return kind === "armed" || kind === "rollback";
}
