import type { PartitionSlot } from "./slot.ts";

/** The PARTLABEL of each partition that tandem uses. */
export type Labels = Readonly<Record<PartitionSlot | "control", string>> & {
  /** Undefined when the EFI system partition is found by its type. */
  readonly esp?: string | undefined;
};

/** The default labels. */
export const LABELS: Labels = {
  control: "tandem-control",
  a: "tandem-a",
  b: "tandem-b",
  recovery: "tandem-recovery",
};
