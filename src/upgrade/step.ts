import type { StagedSlot } from "../slot/layout.ts";
import type { SlotName } from "../slot/slot.ts";
import type { UserStage } from "./user-stages.ts";

/** One step of an upgrade. docs/power-cuts.md has the table of steps. */
export type Step =
  | { readonly kind: "disarm"; readonly trial: SlotName }
  | { readonly kind: "detach"; readonly slot: SlotName }
  /** Compares the slot with what was written. When it differs, `otherwise` replaces the steps that follow. */
  | { readonly kind: "compare"; readonly slot: SlotName; readonly otherwise: readonly Step[] }
  /** Reserves the space for a new system that will take this slot. */
  | { readonly kind: "allocate"; readonly slot: StagedSlot }
  | { readonly kind: "erase"; readonly slot: SlotName }
  | { readonly kind: "write"; readonly slot: SlotName }
  | { readonly kind: "read-back"; readonly slot: SlotName }
  | { readonly kind: "describe"; readonly slot: SlotName }
  | { readonly kind: "arm"; readonly slot: SlotName; readonly tries: number }
  /** Runs a stage of users. */
  | { readonly kind: "stage"; readonly stage: UserStage }
  /** Gives the new system its slot. `keepPassive`: the system that was active is given up. */
  | { readonly kind: "promote"; readonly slot: StagedSlot; readonly keepPassive: boolean }
  | { readonly kind: "attach"; readonly slot: SlotName }
  | { readonly kind: "settle"; readonly slot: SlotName }
  | { readonly kind: "reboot" };

const DESCRIBE: { readonly [K in Step["kind"]]: (step: Extract<Step, { kind: K }>) => string } = {
  settle: ({ slot }) => `make slot ${slot} the good one, in the first boot record`,
  disarm: ({ trial }) => `take back the pending trial of slot ${trial}`,
  detach: ({ slot }) => `remove slot ${slot} from the boot record while it is written`,
  compare: ({ slot }) =>
    `compare slot ${slot}, which holds the image already, with what was written`,
  allocate: ({ slot }) => `reserve the space for a new system in slot ${slot}`,
  erase: ({ slot }) => `make slot ${slot} unbootable`,
  write: ({ slot }) => `write the image to slot ${slot}`,
  "read-back": ({ slot }) => `read slot ${slot} back and compare`,
  describe: ({ slot }) => `record what is in slot ${slot}`,
  arm: ({ slot, tries }) => `let the boot loader try slot ${slot} ${tries} time(s)`,
  stage: ({ stage }) => `run the stage ${stage}`,
  promote: ({ slot, keepPassive }) =>
    slot === "active" && !keepPassive
      ? "make the new system active and the one before it passive"
      : `put the new system in the place of the one in slot ${slot}`,
  attach: ({ slot }) => `make slot ${slot} the last resort`,
  reboot: () => "reboot",
};

/** One line for people about a step. */
export function describeStep<K extends Step["kind"]>(
  step: Extract<Step, { kind: K }> & { readonly kind: K },
): string {
  return DESCRIBE[step.kind](step);
}
