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
  /** Why this digest was rolled back before; undefined if it was not. */
  readonly knownBad: string | undefined;
}

export interface UpgradeWishes {
  readonly tries: number;
  readonly reboot: boolean;
  /** Try a digest again that was rolled back before. */
  readonly retryBad: boolean;
}

/** One step of an upgrade, in the words of the design's table. */
export type Step =
  | { readonly kind: "disarm"; readonly trial: SlotName }
  | { readonly kind: "erase"; readonly slot: SlotName }
  | { readonly kind: "write"; readonly slot: SlotName }
  | { readonly kind: "read-back"; readonly slot: SlotName }
  | { readonly kind: "describe"; readonly slot: SlotName }
  | { readonly kind: "arm"; readonly slot: SlotName; readonly tries: number }
  | { readonly kind: "reboot" };

export type Plan =
  | { readonly kind: "nothing"; readonly reason: string }
  | { readonly kind: "upgrade"; readonly slot: SlotName; readonly steps: readonly Step[] };

/** What an upgrade will do. **Writes nothing.** Throws `disk` when no slot may be written, `content` for a digest known as bad. */
export function planUpgrade(facts: UpgradeFacts, wishes: UpgradeWishes): Plan {
  const { record, digest, held } = facts;
  if (record.trial !== undefined && record.trial === facts.booted)
    throw new TandemError(
      "disk",
      `Cannot upgrade while slot ${record.trial} is on trial: it has no verdict yet`,
      { hint: "Wait for the health checks, or run tandem mark good or tandem mark bad." },
    );
  if (held.get(record.good) === digest && record.trial === undefined)
    return { kind: "nothing", reason: `slot ${record.good} already holds ${digest} and is good` };
  if (record.trial !== undefined && held.get(record.trial) === digest)
    return {
      kind: "nothing",
      reason: `slot ${record.trial} already holds ${digest} and is tried at the next boot`,
    };
  if (facts.knownBad !== undefined && !wishes.retryBad)
    throw new TandemError(
      "content",
      `Cannot upgrade to ${digest}: it was rolled back: ${facts.knownBad}`,
      {
        hint: "Use --retry-bad to try it all the same.",
      },
    );
  const slot = passiveSlot(facts);
  return { kind: "upgrade", slot, steps: stepsTo(slot, record, wishes) };
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
    case "disarm":
      return `take back the pending trial of slot ${step.trial}`;
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
    { kind: "arm", slot, tries },
    ...(reboot ? [{ kind: "reboot" } as const] : []),
  ];
}
