import { expect, test } from "bun:test";
import fc from "fast-check";
import type { BootRecord } from "../../src/control/record.ts";
import { TandemError } from "../../src/lib/error.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import {
  describeStep,
  passiveSlot,
  planUpgrade,
  type Step,
  type UpgradeFacts,
} from "../../src/upgrade/plan.ts";

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
  held: new Map([["a", "sha256:old"]]),
  knownBad: undefined,
};
const WISHES = { tries: 3, reboot: false, retryBad: false };
const TO_B: readonly Step[] = [
  { kind: "erase", slot: "b" },
  { kind: "write", slot: "b" },
  { kind: "read-back", slot: "b" },
  { kind: "describe", slot: "b" },
  { kind: "arm", slot: "b", tries: 3 },
];
const PENDING: BootRecord = { ...RECORD, trial: "b", tries: 3 };

interface Case {
  readonly name: string;
  readonly facts?: Partial<UpgradeFacts>;
  readonly wishes?: Partial<typeof WISHES>;
  readonly want: object;
}

const PLANS: readonly Case[] = [
  { name: "writes the passive slot and arms it last", want: { slot: "b", steps: TO_B } },
  {
    name: "reboots at the end when asked",
    wishes: { reboot: true },
    want: { steps: [...TO_B, { kind: "reboot" }] },
  },
  {
    name: "takes a pending trial back first",
    facts: { record: PENDING, held: new Map([["b", "sha256:other"]]) },
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
    facts: { record: PENDING, held: new Map([["b", "sha256:new"]]) },
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
    wishes: { retryBad: true },
    want: { slot: "b", steps: TO_B },
  },
];

test.each([...PLANS])("planUpgrade() $name", ({ facts, wishes, want }) => {
  expect(planUpgrade({ ...FACTS, ...facts }, { ...WISHES, ...wishes })).toMatchObject(want);
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
] satisfies Case[])("planUpgrade() refuses $name", ({ facts, want }) => {
  expect(() => planUpgrade({ ...FACTS, ...facts }, WISHES)).toThrow(expect.objectContaining(want));
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

test("describeStep() says something of its own about each step", () => {
  const steps: Step[] = [{ kind: "disarm", trial: "b" }, ...TO_B, { kind: "reboot" }];
  const texts = steps.map((step) => describeStep(step));
  expect(new Set(texts).size).toBe(steps.length);
  expect(texts).toContain("let the boot loader try slot b 3 time(s)");
  expect(texts).toContain("take back the pending trial of slot b");
});
