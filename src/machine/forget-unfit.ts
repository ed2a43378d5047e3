import { unfitSlots } from "../control/state.ts";
import type { Machine } from "./machine.ts";

/**
 * Makes slots unstartable that must not be fallen into: GRUB's last resort is any slot that it can start. Those that the record names
 * are left alone, so this comes after the record; what a cut leaves undone the next run does.
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
