/** The slots of a disk with one partition for each. A slot is a place that holds one bootable system. */
export const PARTITION_SLOTS = ["a", "b", "recovery"] as const;
/** The slots of a disk with an image file for each. `transition` holds a new system that has not taken its slot yet. */
export const IMAGE_SLOTS = ["active", "passive", "recovery", "transition"] as const;

export type SlotName = (typeof PARTITION_SLOTS)[number] | (typeof IMAGE_SLOTS)[number];
export type PartitionSlot = (typeof PARTITION_SLOTS)[number];

/** The slots of all layouts. */
export const SLOT_NAMES: readonly SlotName[] = [
  ...PARTITION_SLOTS,
  ...IMAGE_SLOTS.filter((name) => name !== "recovery"),
];

export function isSlotName(text: string): text is SlotName {
  return SLOT_NAMES.some((name) => name === text);
}

export function isPartitionSlot(text: string): text is PartitionSlot {
  return PARTITION_SLOTS.some((name) => name === text);
}

const PAIRS: Readonly<Partial<Record<SlotName, SlotName>>> = {
  a: "b",
  b: "a",
  active: "passive",
  passive: "active",
};

/** The slot that an upgrade or a roll-back changes to. For the recovery slot that is `a`. */
export function otherSlot(slot: SlotName): SlotName {
  return PAIRS[slot] ?? "a";
}
