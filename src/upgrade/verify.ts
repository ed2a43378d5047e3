import { condemn } from "../control/decide.ts";
import { type State, withSlot } from "../control/state.ts";
import { readRoot } from "../disk/hash-root.ts";
import { withLabel } from "../ext4/with-label.ts";
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

/**
 * Compares a slot on the medium with what was written. Throws "content" when it differs, "disk" when it cannot be
 * compared.
 */
export async function verify(
  work: Work,
  machine: Machine,
  named: SlotName | undefined,
): Promise<VerifyResult> {
  const slot = named ?? machine.booted ?? recordOf(machine).good;
  const known = machine.memory.state.slots[slot];
  if (known.status !== "written")
    throw new TandemError("disk", `Cannot verify slot ${slot}: ${REASON[known.status]}`);
  const totalBytes = runBytes(known.runs);
  const { block } = machine.openSlot(slot, { write: false });
  try {
    const root = await readRoot(withLabel(block, known.label), known.runs, {
      signal: work.signal,
      debug: (text) => work.talk.debug(text),
      onProgress: (doneBytes) =>
        work.talk.progress({ step: `Reading slot ${slot}`, doneBytes, totalBytes }),
    });
    if (root !== known.hashRoot) await refuseDifferent(machine, slot, root);
  } finally {
    block.close();
  }
  return { slot, digest: known.digest, bytesRead: totalBytes, hashRoot: known.hashRoot };
}

/** Whether a slot still has what was written. False when it has changed or cannot be read. Throws "interrupted". */
export async function isAsWritten(work: Work, machine: Machine, slot: SlotName): Promise<boolean> {
  try {
    await verify(work, machine, slot);
    return true;
  } catch (error) {
    const isFlaw =
      error instanceof TandemError && (error.code === "content" || error.code === "disk");
    if (!isFlaw) throw error;
    work.talk.warn(`${reasonOf(error)}, writing it again`);
    return false;
  }
}

const REASON = {
  empty: "nothing was written to it",
  unknown: "it was not written by tandem, so nothing is known to compare it with",
  writing: "writing it was never finished",
  other: "a newer tandem has written it in a way that this one does not know",
} as const;

/**
 * Marks the slot as not verified. The boot record loses it, unless it is the good slot, which has booted with these
 * bytes.
 */
async function refuseDifferent(machine: Machine, slot: SlotName, root: string): Promise<never> {
  const state: State = machine.memory.state;
  const known = state.slots[slot];
  if (known.status === "written") {
    const { verifiedAt: _, ...rest } = known;
    await machine.memory.writeState(withSlot(state, slot, rest));
  }
  await note(machine, { kind: "verify", slot, text: "its bytes are not those that were written" });
  await removeFromRecord(machine, slot);
  throw new TandemError(
    "content",
    `Cannot verify slot ${slot}: its bytes hash to ${root}, not to what was written`,
    {
      hint: "The medium has changed them, or something wrote to the slot. Upgrade to write it again.",
    },
  );
}

/** Removes a slot from the boot record, unless it is the good one, and makes it unstartable. */
export async function removeFromRecord(machine: Machine, slot: SlotName): Promise<void> {
  const { record } = machine.loaderData;
  if (record === undefined || record.good === slot) return;
  const next = condemn(record, slot, policyOf(machine));
  if (next !== undefined) await machine.loader.commit(next);
  await forgetUnfit(machine);
}
