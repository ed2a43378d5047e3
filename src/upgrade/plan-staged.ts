/** Plans for a layout in which a new system is written beside the old ones and takes its slot in the end. */
import { TandemError } from "../lib/error.ts";
import type { StagedSlot } from "../slot/layout.ts";
import type { Plan, UpgradeFacts, UpgradeOptions } from "./plan.ts";
import type { Step } from "./step.ts";

/** What the plan for a new active system needs to know. */
type StagedFacts = Pick<UpgradeFacts, "record" | "booted" | "hasPassive">;

/** Throws "disk" for a slot that no upgrade writes. */
export function planStaged(
  facts: StagedFacts,
  { slot = "active", tries, reboot }: UpgradeOptions,
): Extract<Plan, { kind: "upgrade" }> {
  if (slot !== "active" && slot !== "recovery")
    throw new TandemError(
      "disk",
      `Cannot write slot ${slot}: a new system goes into active or recovery`,
      {
        hint: "Leave --slot out.",
      },
    );
  const end: Step[] = reboot ? [{ kind: "reboot" }] : [];
  return { kind: "upgrade", slot, steps: [...stepsTo(slot, facts, tries), ...end] };
}

function stepsTo(slot: StagedSlot, facts: StagedFacts, tries: number): Step[] {
  const { record } = facts;
  const write: Step[] = [
    { kind: "stage", stage: "before-upgrade" },
    { kind: "allocate", slot },
    { kind: "write", slot: "transition" },
    { kind: "read-back", slot: "transition" },
    { kind: "stage", stage: "after-upgrade-chroot" },
    { kind: "describe", slot: "transition" },
  ];
  const after: Step = { kind: "stage", stage: "after-upgrade" };
  if (slot === "recovery") {
    refuseNeeded(facts);
    // Also when it runs: its file stays until the machine reboots.
    return [
      ...write,
      { kind: "promote", slot, keepPassive: true },
      { kind: "attach", slot },
      after,
    ];
  }
  const { trial } = record;
  return [
    ...(trial === undefined ? [] : [{ kind: "disarm", trial } as const]),
    ...write,
    { kind: "arm", slot, tries },
    { kind: "promote", slot, keepPassive: keepsPassive(facts) },
    after,
  ];
}

/** The recovery system is the last resort only while the record does not need it for more. Throws "disk". */
function refuseNeeded({ record: { good, trial } }: StagedFacts): void {
  const role = good === "recovery" ? "the good one" : trial === "recovery" ? "on trial" : undefined;
  if (role === undefined) return;
  throw new TandemError("disk", `Cannot write slot recovery: it is ${role}`, {
    hint: "Boot and mark another slot good first.",
  });
}

/**
 * Whether the passive system stays and the active one is given up. The active one may be what failed when the machine
 * does not run from it. The last system that has passed its checks is always kept.
 */
function keepsPassive({ record, booted, hasPassive }: StagedFacts): boolean {
  if (record.good === "passive" || booted === "passive") return true;
  return booted === "recovery" && hasPassive;
}
