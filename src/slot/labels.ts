import type { SlotName } from "./slot.ts";

/** The PARTLABEL of each partition that tandem uses. */
export type Labels = Readonly<Record<SlotName | "control", string>> & {
  /** Undefined when the EFI system partition is found by its type. */
  readonly esp?: string | undefined;
};

/** The default labels. A file system that tandem makes always has the default label of its slot. */
export const LABELS: Labels = {
  control: "tandem-control",
  a: "tandem-a",
  b: "tandem-b",
  recovery: "tandem-recovery",
};
