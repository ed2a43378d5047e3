import type { BootRecord } from "../control/record.ts";
import { TandemError } from "../lib/error.ts";
import type { SlotName } from "../slot/slot.ts";

/** What a plan is made from. Gathering it changes nothing. */
export interface UpgradeFacts {
  readonly record: BootRecord;
  /** undefined: this machine does not run from the disk that is worked on. */
  readonly booted: SlotName | undefined;
  readonly digest: string;
  /** The digest that a slot is known to hold whole. */
  readonly held: ReadonlyMap<SlotName, string>;
  /** The slots that the boot loader could start as they are. */
  readonly startable: readonly SlotName[];
  /** Why this digest was rolled back before; undefined if it was not. */
  readonly knownBad: string | undefined;
}

export interface UpgradeWishes {
  readonly tries: number;
  readonly reboot: boolean;
  /** Try a digest again that was rolled back before. */
  readonly retryBad: boolean;
  /** The slot to write; undefined: the passive one. Recovery is written without a trial. */
  readonly slot?: SlotName | undefined;
}

/** One step of an upgrade, in the words of the design's table. */
export type Step =
  | { readonly kind: "disarm"; readonly trial: SlotName }
  | { readonly kind: "detach"; readonly slot: SlotName }
  /** What is in the slot is what was written: else the other steps take the place of those that follow. */
  | { readonly kind: "compare"; readonly slot: SlotName; readonly otherwise: readonly Step[] }
  | { readonly kind: "erase"; readonly slot: SlotName }
  | { readonly kind: "write"; readonly slot: SlotName }
  | { readonly kind: "read-back"; readonly slot: SlotName }
  | { readonly kind: "describe"; readonly slot: SlotName }
  | { readonly kind: "arm"; readonly slot: SlotName; readonly tries: number }
  | { readonly kind: "attach"; readonly slot: SlotName }
  | { readonly kind: "settle"; readonly slot: SlotName }
  | { readonly kind: "reboot" };

export type Plan =
  | { readonly kind: "nothing"; readonly reason: string }
  | { readonly kind: "upgrade"; readonly slot: SlotName; readonly steps: readonly Step[] };

/** What an upgrade will do. **Writes nothing.** Throws `disk` when no slot may be written, `content` for a digest known as bad. */
export function planUpgrade(facts: UpgradeFacts, wishes: UpgradeWishes): Plan {
  const { record, digest } = facts;
  if (record.trial !== undefined && record.trial === facts.booted)
    throw new TandemError(
      "disk",
      `Cannot upgrade while slot ${record.trial} is on trial: it has no verdict yet`,
      { hint: "Wait for the health checks, or run tandem mark good or tandem mark bad." },
    );
  const reason = reasonForNothing(facts, wishes);
  if (reason !== undefined) return { kind: "nothing", reason };
  if (facts.knownBad !== undefined && !wishes.retryBad)
    throw new TandemError(
      "content",
      `Cannot upgrade to ${digest}: it was rolled back: ${facts.knownBad}`,
      {
        hint: "Use --retry-bad to try it all the same.",
      },
    );
  if (wishes.slot === "recovery") return planRecovery(facts, wishes);
  const slot = namedSlot(facts, wishes.slot) ?? passiveSlot(facts);
  const steps = stepsTo(slot, record, wishes);
  const isHeld = facts.held.get(slot) === digest && facts.startable.includes(slot);
  // Who names the slot wants it written.
  const isReused = isHeld && wishes.slot === undefined && record.trial === undefined;
  return { kind: "upgrade", slot, steps: isReused ? reuse(slot, steps, wishes) : steps };
}

/** The trial of this image was withdrawn, or never armed: what the slot holds is tried, without fetching and writing it again. */
function reuse(
  slot: SlotName,
  otherwise: readonly Step[],
  { tries, reboot }: UpgradeWishes,
): Step[] {
  return [{ kind: "compare", slot, otherwise }, ...ending(slot, tries, reboot)];
}

/** The first upgrade of a disk. There is nothing to fall back to, so its system is the good one at once. Throws `disk`. */
export function planFirst({
  slot = "a",
  reboot,
}: UpgradeWishes): Extract<Plan, { kind: "upgrade" }> {
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
  { record, digest, held }: UpgradeFacts,
  { slot }: UpgradeWishes,
): string | undefined {
  const { good, trial, last } = record;
  if (slot === "recovery")
    return last === slot && held.get(slot) === digest
      ? `slot recovery already holds ${digest}`
      : undefined;
  if (slot !== undefined && slot !== trial) return undefined;
  if (trial === undefined)
    return held.get(good) === digest
      ? `slot ${good} already holds ${digest} and is good`
      : undefined;
  return held.get(trial) === digest
    ? `slot ${trial} already holds ${digest} and is tried at the next boot`
    : undefined;
}

/**
 * The recovery slot is where everything ends: while it is overwritten nothing may lead there, and nothing may need it. It gets no
 * trial, since it has to boot only when all else has failed.
 */
function planRecovery(
  { record, booted }: UpgradeFacts,
  { reboot }: UpgradeWishes,
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

/** What the operator has named, if it may be written. */
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

/** The slot that an upgrade may write: never the booted one and never the good one. */
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

/** One line for people. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "settle":
      return `make slot ${step.slot} the good one, in the first boot record`;
    case "disarm":
      return `take back the pending trial of slot ${step.trial}`;
    case "detach":
      return `let nothing end at slot ${step.slot} meanwhile`;
    case "compare":
      return `compare slot ${step.slot}, which holds the image already, with what was written`;
    case "erase":
      return `make slot ${step.slot} unbootable`;
    case "write":
      return `write the image to slot ${step.slot}`;
    case "read-back":
      return `read slot ${step.slot} back and compare`;
    case "describe":
      return `record what is in slot ${step.slot}`;
    case "arm":
      return `let the boot loader try slot ${step.slot} ${step.tries} time(s)`;
    case "attach":
      return `let the boot loader end at slot ${step.slot} when the others are used up`;
    case "reboot":
      return "reboot";
  }
}

function stepsTo(slot: SlotName, { trial }: BootRecord, { tries, reboot }: UpgradeWishes): Step[] {
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
