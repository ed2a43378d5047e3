import { unfitSlots } from "../control/state.ts";
import type { Machine } from "./machine.ts";

/**
 * Makes unfit slots unstartable, because GRUB starts any slot that it can when all others fail. Slots in the record are
 * left alone, so call this after the commit of the record. The next run does what a power cut leaves undone.
 */
export async function forgetUnfit({ loaderData, memory, loader, slots }: Machine): Promise<void> {
  const { record } = loaderData;
  const { state } = memory;
  if (record === undefined) return;
  const named = new Set([record.good, record.trial, record.last]);
  for (const slot of unfitSlots(state)) {
    const isThere = slots[slot] !== undefined && loader.startProblem(slot) === undefined;
    if (isThere && !named.has(slot)) await loader.forget(slot);
  }
}
