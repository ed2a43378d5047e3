import { condemn } from "../control/decide.ts";
import { type State, withSlot } from "../control/state.ts";
import { readRoot } from "../disk/hash-root.ts";
import { runBytes } from "../disk/run.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import { forgetUnfit } from "../machine/forget-unfit.ts";
import { type Machine, note, policyOf, recordOf } from "../machine/machine.ts";
import type { Work } from "../machine/open-source.ts";

export interface VerifyResult {
  readonly slot: SlotName;
  readonly digest: string;
  readonly bytesRead: number;
  readonly hashRoot: string;
}

/** Reads a slot from the medium and compares it with what was written. Throws `content` when it differs, `disk` when there is nothing to compare. */
export async function verify(
  work: Work,
  machine: Machine,
  named: SlotName | undefined,
): Promise<VerifyResult> {
  const slot = named ?? machine.booted ?? recordOf(machine).good;
  const held = machine.memory.state.slots[slot];
  if (held.status !== "written")
    throw new TandemError("disk", `Cannot verify slot ${slot}: ${REASON[held.status]}`);
  const totalBytes = runBytes(held.runs);
  const { block } = machine.openSlot(slot, { write: false });
  try {
    const root = await readRoot(block, held.runs, {
      signal: work.signal,
      debug: (text) => work.talk.debug(text),
      onProgress: (doneBytes) =>
        work.talk.progress({ step: `Reading slot ${slot}`, doneBytes, totalBytes }),
    });
    if (root !== held.hashRoot) await differ(machine, slot, root);
  } finally {
    block.close();
  }
  return { slot, digest: held.digest, bytesRead: totalBytes, hashRoot: held.hashRoot };
}

/** Whether a slot can be tried as it is. One that has changed, or cannot be read, has to be written anew. Throws `interrupted`. */
export async function isAsWritten(work: Work, machine: Machine, slot: SlotName): Promise<boolean> {
  try {
    await verify(work, machine, slot);
    return true;
  } catch (error) {
    const isFlaw =
      error instanceof TandemError && (error.code === "content" || error.code === "disk");
    if (!isFlaw) throw error;
    work.talk.warn(`${reasonOf(error)}, writing it anew`);
    return false;
  }
}

const REASON = {
  empty: "nothing was written to it",
  unknown: "it was not written by tandem, so nothing is known to compare it with",
  writing: "writing it was never finished",
  other: "a newer tandem has written it in a way that this one does not know",
} as const;

/** The slot is remembered as not verified, and nothing leads there any more, unless it is the good one: that has booted with these bytes. */
async function differ(machine: Machine, slot: SlotName, root: string): Promise<never> {
  const state: State = machine.memory.state;
  const held = state.slots[slot];
  if (held.status === "written") {
    const { verifiedAt: _, ...rest } = held;
    await machine.memory.writeState(withSlot(state, slot, rest));
  }
  await note(machine, { kind: "verify", slot, text: "its bytes are not those that were written" });
  await leaveOut(machine, slot);
  throw new TandemError(
    "content",
    `Cannot verify slot ${slot}: its bytes hash to ${root}, not to what was written`,
    {
      hint: "The medium has changed them, or something wrote to the slot. Upgrade to write it anew.",
    },
  );
}

/** Lets nothing lead to a slot any more, unless it is the good one. */
export async function leaveOut(machine: Machine, slot: SlotName): Promise<void> {
  const { record } = machine.loaderData;
  if (record === undefined || record.good === slot) return;
  const next = condemn(record, slot, policyOf(machine));
  if (next !== undefined) await machine.loader.commit(next);
  await forgetUnfit(machine);
}
