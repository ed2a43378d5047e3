/** The slots that a disk may have. A slot is a place that holds one bootable system. */
export const SLOT_NAMES = ["a", "b", "recovery"] as const;
export type SlotName = (typeof SLOT_NAMES)[number];

export function isSlotName(text: string): text is SlotName {
  return (SLOT_NAMES as readonly string[]).includes(text);
}
