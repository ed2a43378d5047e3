import { expect, test } from "bun:test";
import fc from "fast-check";
import type { BootRecord } from "../../src/control/record.ts";
import { TandemError } from "../../src/lib/error.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import {
  passiveSlot,
  planUpgrade,
  type UpgradeFacts,
  type UpgradeOptions,
} from "../../src/upgrade/plan.ts";
import { describeStep, type Step } from "../../src/upgrade/step.ts";

const RECORD: BootRecord = {
  gen: 7,
  good: "a",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: undefined,
};
const FACTS: UpgradeFacts = {
  record: RECORD,
  booted: "a",
  digest: "sha256:new",
  digests: new Map([["a", "sha256:old"]]),
  startable: ["a"],
  knownBad: undefined,
  isStaged: false,
  hasPassive: false,
  slots: ["a", "b", "recovery"],
};
const OPTIONS: UpgradeOptions = { tries: 3, reboot: false, retryBad: false };
const TO_B: readonly Step[] = [
  { kind: "erase", slot: "b" },
  { kind: "write", slot: "b" },
  { kind: "read-back", slot: "b" },
  { kind: "describe", slot: "b" },
  { kind: "arm", slot: "b", tries: 3 },
];
const RECOVERY: readonly Step[] = [
  { kind: "erase", slot: "recovery" },
  { kind: "write", slot: "recovery" },
  { kind: "read-back", slot: "recovery" },
  { kind: "describe", slot: "recovery" },
  { kind: "attach", slot: "recovery" },
];
const HELD: Partial<UpgradeFacts> = {
  digests: new Map([["b", "sha256:new"]]),
  startable: ["a", "b"],
};
const REUSE_B: readonly Step[] = [
  { kind: "compare", slot: "b", otherwise: TO_B },
  { kind: "arm", slot: "b", tries: 3 },
];
const PENDING: BootRecord = { ...RECORD, trial: "b", tries: 3 };

interface Case {
  readonly name: string;
  readonly facts?: Partial<UpgradeFacts>;
  readonly options?: Partial<UpgradeOptions>;
  readonly want: object;
}

const PLANS: readonly Case[] = [
  { name: "writes the passive slot and arms it last", want: { slot: "b", steps: TO_B } },
  {
    name: "reboots at the end when asked",
    options: { reboot: true },
    want: { steps: [...TO_B, { kind: "reboot" }] },
  },
  {
    name: "takes a pending trial back first",
    facts: { record: PENDING, digests: new Map([["b", "sha256:other"]]) },
    want: { steps: [{ kind: "disarm", trial: "b" }, ...TO_B] },
  },
  {
    name: "writes the slot that is not good when the machine does not run from the disk",
    facts: { record: { ...RECORD, good: "b" }, booted: undefined },
    want: { slot: "a" },
  },
  {
    name: "writes the slot that is not good while recovery runs",
    facts: { booted: "recovery" },
    want: { slot: "b" },
  },
  {
    name: "writes the same image into the other slot while another one is pending",
    facts: { record: PENDING, digest: "sha256:old" },
    want: { kind: "upgrade", slot: "b" },
  },
  {
    name: "does nothing when the good slot holds the image",
    facts: { digest: "sha256:old" },
    want: { kind: "nothing", reason: "slot a already holds sha256:old and is good" },
  },
  {
    name: "does nothing when the pending trial holds the image",
    facts: { record: PENDING, digests: new Map([["b", "sha256:new"]]) },
    want: {
      kind: "nothing",
      reason: "slot b already holds sha256:new and is tried at the next boot",
    },
  },
  {
    name: "does nothing about an image that is known to be bad and is in the good slot",
    facts: { digest: "sha256:old", knownBad: "it hung" },
    want: { kind: "nothing" },
  },
  {
    name: "tries a bad image again when asked",
    facts: { knownBad: "it hung" },
    options: { retryBad: true },
    want: { slot: "b", steps: TO_B },
  },
  {
    name: "tries what the passive slot holds already, once that was compared",
    facts: HELD,
    want: { slot: "b", steps: REUSE_B },
  },
  {
    name: "does the same for an image that was bad, when asked",
    facts: { ...HELD, knownBad: "it hung" },
    options: { retryBad: true, reboot: true },
    want: {
      steps: [
        { ...REUSE_B[0], otherwise: [...TO_B, { kind: "reboot" }] },
        REUSE_B[1],
        { kind: "reboot" },
      ],
    },
  },
  {
    name: "writes what the passive slot holds already, when it could not be started",
    facts: { ...HELD, startable: ["a"] },
    want: { slot: "b", steps: TO_B },
  },
  {
    name: "writes what the passive slot holds already, when that slot was named",
    facts: HELD,
    options: { slot: "b" },
    want: { slot: "b", steps: TO_B },
  },
  {
    name: "writes the slot that was named",
    facts: { record: { ...RECORD, good: "recovery" }, booted: "recovery" },
    options: { slot: "b" },
    want: { slot: "b", steps: TO_B },
  },
  {
    name: "writes recovery without a trial",
    options: { slot: "recovery" },
    want: { slot: "recovery", steps: RECOVERY },
  },
  {
    name: "lets nothing end at recovery while it is written",
    facts: { record: { ...RECORD, last: "recovery" } },
    options: { slot: "recovery", reboot: true },
    want: { steps: [{ kind: "detach", slot: "recovery" }, ...RECOVERY, { kind: "reboot" }] },
  },
  {
    name: "writes recovery beside a pending trial",
    facts: { record: PENDING },
    options: { slot: "recovery" },
    want: { steps: RECOVERY },
  },
  {
    name: "writes recovery from outside the disk",
    facts: { booted: undefined },
    options: { slot: "recovery" },
    want: { steps: RECOVERY },
  },
  {
    name: "writes the image of the good slot into recovery, too",
    facts: { digest: "sha256:old" },
    options: { slot: "recovery" },
    want: { steps: RECOVERY },
  },
  {
    name: "does nothing when recovery is the last one and holds the image",
    facts: {
      record: { ...RECORD, last: "recovery" },
      digests: new Map([["recovery", "sha256:new"]]),
    },
    options: { slot: "recovery" },
    want: { kind: "nothing", reason: "slot recovery already holds sha256:new" },
  },
  {
    name: "writes recovery anew when it holds the image but nothing leads there",
    facts: { digests: new Map([["recovery", "sha256:new"]]) },
    options: { slot: "recovery" },
    want: { steps: RECOVERY },
  },
];

test.each([...PLANS])("planUpgrade() $name", ({ facts, options, want }) => {
  expect(planUpgrade({ ...FACTS, ...facts }, { ...OPTIONS, ...options })).toMatchObject(want);
});

test.each([
  {
    name: "while the booted slot is on trial",
    facts: { record: PENDING, booted: "b" },
    want: {
      code: "disk",
      message: "Cannot upgrade while slot b is on trial: it has no verdict yet",
    },
  },
  {
    name: "while neither slot may be written",
    facts: { booted: "b" },
    want: {
      code: "disk",
      message: "Cannot choose a slot to write: b is booted and a is the good one",
    },
  },
  {
    name: "to an image that was rolled back",
    facts: { knownBad: "it hung" },
    want: {
      code: "content",
      message: "Cannot upgrade to sha256:new: it was rolled back: it hung",
      hint: "Use --retry-bad to try it all the same.",
    },
  },
  {
    name: "to write the slot that is named and good",
    options: { slot: "a" },
    facts: { booted: undefined },
    want: { code: "disk", message: "Cannot write slot a: it is the good one" },
  },
  {
    name: "to write the slot that is named and booted",
    options: { slot: "b" },
    facts: { booted: "b" },
    want: { code: "disk", message: "Cannot write slot b: it is booted" },
  },
  {
    name: "to write recovery while it is booted",
    options: { slot: "recovery" },
    facts: { booted: "recovery", record: { ...RECORD, last: "recovery" } },
    want: { code: "disk", message: "Cannot write slot recovery: it is booted" },
  },
  {
    name: "to write recovery while it is on trial",
    options: { slot: "recovery" },
    facts: { record: { ...RECORD, trial: "recovery", tries: 1 } },
    want: { code: "disk", message: "Cannot write slot recovery: it is on trial" },
  },
  {
    name: "to write recovery while it is the good one",
    options: { slot: "recovery" },
    facts: { record: { ...RECORD, good: "recovery" } },
    want: { code: "disk", message: "Cannot write slot recovery: it is the good one" },
  },
  {
    name: "to write recovery while the good slot does not run",
    options: { slot: "recovery" },
    facts: { booted: "b", record: { ...RECORD, last: "recovery" } },
    want: {
      code: "disk",
      message:
        "Cannot write slot recovery: slot b runs, which is not the good one, so it may be needed",
    },
  },
  {
    name: "to write a bad image to recovery",
    options: { slot: "recovery" },
    facts: { knownBad: "it hung" },
    want: { code: "content" },
  },
] satisfies Case[])("planUpgrade() refuses $name", ({ facts, want, ...rest }) => {
  const options = { ...OPTIONS, ...("options" in rest ? rest.options : {}) };
  expect(() => planUpgrade({ ...FACTS, ...facts }, options)).toThrow(expect.objectContaining(want));
});

test("passiveSlot() is never the booted nor the good one", () => {
  const slot = fc.constantFrom<SlotName>("a", "b", "recovery");
  fc.assert(
    fc.property(slot, fc.option(slot, { nil: undefined }), (good, booted) => {
      try {
        const chosen = passiveSlot({ record: { ...RECORD, good }, booted });
        expect(["a", "b"]).toContain(chosen);
        expect([good, booted]).not.toContain(chosen);
      } catch (error) {
        if (!(error instanceof TandemError)) throw error;
        expect(new Set([good, booted])).toEqual(new Set(["a", "b"]));
      }
    }),
  );
});

test("describeStep() has a text of its own for each step", () => {
  const steps: Step[] = [
    { kind: "disarm", trial: "b" },
    { kind: "compare", slot: "b", otherwise: TO_B },
    ...TO_B,
    { kind: "detach", slot: "recovery" },
    { kind: "attach", slot: "recovery" },
    { kind: "reboot" },
  ];
  const texts = steps.map((step) => describeStep(step));
  expect(new Set(texts).size).toBe(steps.length);
  expect(texts).toContain("let the boot loader try slot b 3 time(s)");
  expect(texts).toContain("take back the pending trial of slot b");
});
