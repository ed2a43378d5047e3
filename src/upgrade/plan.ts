import type { BootRecord } from "../control/record.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";
import { planStaged } from "./plan-staged.ts";
import type { Step } from "./step.ts";

/** The facts that a plan depends on. */
export interface UpgradeFacts {
  readonly record: BootRecord;
  /** Undefined when this machine does not run from the disk. */
  readonly booted: SlotName | undefined;
  /** The digest of the image to write. */
  readonly digest: string;
  /** The digests of the images in slots that were written, compared, and not found bad since. */
  readonly digests: ReadonlyMap<SlotName, string>;
  /** The slots that the boot loader can start as they are. */
  readonly startable: readonly SlotName[];
  /** Why this digest was rolled back before. Undefined when it was not. */
  readonly knownBad: string | undefined;
  /** A new system is written beside the old ones, and takes its slot in the end. */
  readonly isStaged: boolean;
  /** Whether the passive slot holds a system that GRUB can start and that was not found bad. */
  readonly hasPassive: boolean;
  /** The slots that the disk has. */
  readonly slots: readonly SlotName[];
}

export interface UpgradeOptions {
  readonly tries: number;
  readonly reboot: boolean;
  /** Try a digest again that was rolled back before. */
  readonly retryBad: boolean;
  /** Take an image in spite of its flaws. */
  readonly force?: boolean;
  /** The slot to write. Undefined for the passive slot. The recovery slot is written without a trial. */
  readonly slot?: SlotName | undefined;
}

export type Plan =
  | { readonly kind: "nothing"; readonly reason: string }
  | { readonly kind: "upgrade"; readonly slot: SlotName; readonly steps: readonly Step[] };

/**
 * The plan of an upgrade. **Writes nothing.** Throws "disk" when no slot may be written, "content" for a digest known
 * as bad.
 */
export function planUpgrade(facts: UpgradeFacts, options: UpgradeOptions): Plan {
  refuseTrial(facts);
  const reason = reasonForNothing(facts, options);
  if (reason !== undefined) return { kind: "nothing", reason };
  refuseKnownBad(facts, options);
  refuseUnknownSlot(facts, options);
  if (facts.isStaged) return planStaged(facts, options);
  if (options.slot === "recovery") return planRecovery(facts, options);
  const { record, digest } = facts;
  const slot = namedSlot(facts, options.slot) ?? passiveSlot(facts);
  const steps = stepsTo(slot, record, options);
  const hasImage = facts.digests.get(slot) === digest && facts.startable.includes(slot);
  // An operator who names the slot wants it written.
  const isReused = hasImage && options.slot === undefined && record.trial === undefined;
  return { kind: "upgrade", slot, steps: isReused ? reuse(slot, steps, options) : steps };
}

function refuseTrial({ record, booted }: UpgradeFacts): void {
  if (record.trial === undefined || record.trial !== booted) return;
  throw new TandemError(
    "disk",
    `Cannot upgrade while slot ${record.trial} is on trial: it has no verdict yet`,
    { hint: "Wait for the health checks, or run tandem mark good or tandem mark bad." },
  );
}

function refuseKnownBad({ digest, knownBad }: UpgradeFacts, { retryBad }: UpgradeOptions): void {
  if (knownBad === undefined || retryBad) return;
  throw new TandemError("content", `Cannot upgrade to ${digest}: it was rolled back: ${knownBad}`, {
    hint: "Use --retry-bad to try it all the same.",
  });
}

function refuseUnknownSlot({ slots }: UpgradeFacts, { slot }: UpgradeOptions): void {
  if (slot === undefined || slots.includes(slot)) return;
  throw new TandemError("disk", `Cannot upgrade: the disk has no slot ${slot}`, {
    hint: `It has ${slots.join(", ")}.`,
  });
}

/**
 * Steps to try the image that the slot holds already, without fetching and writing it: its trial was withdrawn or never
 * armed.
 */
function reuse(
  slot: SlotName,
  otherwise: readonly Step[],
  { tries, reboot }: UpgradeOptions,
): Step[] {
  return [{ kind: "compare", slot, otherwise }, ...ending(slot, tries, reboot)];
}

/**
 * The plan of the first upgrade of a disk. Its slot becomes good at once, as there is none to fall back to. Throws
 * "disk".
 */
export function planFirst({
  slot = "a",
  reboot,
}: UpgradeOptions): Extract<Plan, { kind: "upgrade" }> {
  if (slot !== "a")
    throw refused(slot, "the first system of a disk goes into slot a", "Leave --slot out.");
  const kinds = ["erase", "write", "read-back", "describe", "settle"] as const;
  const steps: Step[] = [
    ...kinds.map((kind) => ({ kind, slot }) as const),
    ...(reboot ? [{ kind: "reboot" } as const] : []),
  ];
  return { kind: "upgrade", slot, steps };
}

function reasonForNothing(
  { record, digest, digests }: UpgradeFacts,
  { slot }: UpgradeOptions,
): string | undefined {
  const { good, trial, last } = record;
  if (slot === "recovery")
    return last === slot && digests.get(slot) === digest
      ? `slot recovery already holds ${digest}`
      : undefined;
  if (slot !== undefined && slot !== trial) return undefined;
  if (trial === undefined)
    return digests.get(good) === digest
      ? `slot ${good} already holds ${digest} and is good`
      : undefined;
  return digests.get(trial) === digest
    ? `slot ${trial} already holds ${digest} and is tried at the next boot`
    : undefined;
}

/**
 * The plan for the recovery slot, the last resort. While it is written, the boot record must not name it, and no slot
 * may need it. It gets no trial, because it has to boot only when all other slots have failed.
 */
function planRecovery(
  { record, booted }: UpgradeFacts,
  { reboot }: UpgradeOptions,
): Extract<Plan, { kind: "upgrade" }> {
  const slot = "recovery" as const;
  const { good, trial } = record;
  const role = { [good]: "the good one", ...(trial === undefined ? {} : { [trial]: "on trial" }) };
  const why = booted === slot ? "booted" : role[slot];
  if (why !== undefined)
    throw refused(slot, `it is ${why}`, "Boot and mark another slot good first.");
  if (booted !== undefined && booted !== good)
    throw refused(
      slot,
      `slot ${booted} runs, which is not the good one, so it may be needed`,
      `Run tandem mark good if slot ${booted} is to be kept, or boot slot ${good}.`,
    );
  const kinds = ["erase", "write", "read-back", "describe", "attach"] as const;
  const steps: Step[] = [
    ...(record.last === slot ? [{ kind: "detach", slot } as const] : []),
    ...kinds.map((kind) => ({ kind, slot }) as const),
    ...(reboot ? [{ kind: "reboot" } as const] : []),
  ];
  return { kind: "upgrade", slot, steps };
}

/** The slot that the operator has named. Throws "disk" when it must not be written. */
function namedSlot(
  { record, booted }: UpgradeFacts,
  slot: SlotName | undefined,
): SlotName | undefined {
  if (slot === undefined) return undefined;
  const why = slot === booted ? "booted" : slot === record.good ? "the good one" : undefined;
  if (why !== undefined)
    throw refused(slot, `it is ${why}`, "Leave --slot out to write the other.");
  return slot;
}

function refused(slot: SlotName, why: string, hint: string): TandemError {
  return new TandemError("disk", `Cannot write slot ${slot}: ${why}`, { hint });
}

/** The slot that an upgrade writes: never the booted and never the good one. Throws "disk" when there is none. */
export function passiveSlot({ record, booted }: Pick<UpgradeFacts, "record" | "booted">): SlotName {
  const slot = (["a", "b"] as const).find((name) => name !== record.good && name !== booted);
  if (slot !== undefined) return slot;
  throw new TandemError(
    "disk",
    `Cannot choose a slot to write: ${booted} is booted and ${record.good} is the good one`,
    {
      hint: `Run tandem mark good if the booted slot ${booted} is to be kept, or boot slot ${record.good}.`,
    },
  );
}

function stepsTo(slot: SlotName, { trial }: BootRecord, { tries, reboot }: UpgradeOptions): Step[] {
  return [
    ...(trial === undefined ? [] : [{ kind: "disarm", trial } as const]),
    { kind: "erase", slot },
    { kind: "write", slot },
    { kind: "read-back", slot },
    { kind: "describe", slot },
    ...ending(slot, tries, reboot),
  ];
}

function ending(slot: SlotName, tries: number, reboot: boolean): Step[] {
  return [{ kind: "arm", slot, tries }, ...(reboot ? [{ kind: "reboot" } as const] : [])];
}
