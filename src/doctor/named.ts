import type { SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";

/** The slots that the boot record names, in the order in which they are started. */
export function namedSlots({ loaderData }: Pick<Machine, "loaderData">): SlotName[] {
  const { record } = loaderData;
  const slots = record === undefined ? [] : [record.trial, record.good, record.last];
  return slots.filter((slot) => slot !== undefined);
}
