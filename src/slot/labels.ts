import type { SlotName } from "./slot.ts";

/** The PARTLABEL of each partition. */
export type Labels = Readonly<Record<SlotName | "control", string>> & {
  /** undefined: an EFI system partition is found by its type. */
  readonly esp?: string | undefined;
};

/** Unless the configuration has others. A file system that tandem makes has the label of its slot here, whatever the partition's is. */
export const LABELS: Labels = {
  control: "tandem-control",
  a: "tandem-a",
  b: "tandem-b",
  recovery: "tandem-recovery",
};
