import { expect, test } from "bun:test";
import type { BootRecord } from "../../src/control/record.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import { planStaged } from "../../src/upgrade/plan-staged.ts";
import type { Step } from "../../src/upgrade/step.ts";

const RECORD: BootRecord = {
  gen: 7,
  good: "active",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: "recovery",
};
const FACTS = { record: RECORD, booted: "active" as SlotName | undefined, hasPassive: true };
const OPTIONS = { tries: 1, reboot: false, retryBad: false };
const WRITE: readonly Step[] = [
  { kind: "write", slot: "transition" },
  { kind: "read-back", slot: "transition" },
  { kind: "stage", stage: "after-upgrade-chroot" },
  { kind: "describe", slot: "transition" },
];

test("a new system is written beside the others, then armed, and then gets its slot", () => {
  expect(planStaged(FACTS, OPTIONS)).toEqual({
    kind: "upgrade",
    slot: "active",
    steps: [
      { kind: "stage", stage: "before-upgrade" },
      { kind: "allocate", slot: "active" },
      ...WRITE,
      { kind: "arm", slot: "active", tries: 1 },
      { kind: "promote", slot: "active", keepPassive: false },
      { kind: "stage", stage: "after-upgrade" },
    ],
  });
});

test.each([
  ["the active system runs and is good", FACTS, false],
  [
    "the active system is good and the machine does not run from the disk",
    { ...FACTS, booted: undefined },
    false,
  ],
  ["the passive system runs", { ...FACTS, booted: "passive" }, true],
  [
    "the passive system is the good one",
    { ...FACTS, record: { ...RECORD, good: "passive" } },
    true,
  ],
  ["recovery runs", { ...FACTS, booted: "recovery" }, true],
  [
    "recovery runs and there is no other system",
    { ...FACTS, booted: "recovery", hasPassive: false },
    false,
  ],
] as const)("when %s, the passive one is kept: %p", (_, facts, keepPassive) => {
  expect(planStaged(facts, OPTIONS).steps.at(-2)).toEqual({
    kind: "promote",
    slot: "active",
    keepPassive,
  });
});

test("a pending trial is taken back first", () => {
  const record = { ...RECORD, good: "passive", trial: "active", tries: 1 } as const;
  expect(planStaged({ ...FACTS, record, booted: "passive" }, OPTIONS).steps[0]).toEqual({
    kind: "disarm",
    trial: "active",
  });
});

test("a new recovery system gets its slot without a trial", () => {
  expect(
    planStaged({ ...FACTS, booted: "recovery" }, { ...OPTIONS, slot: "recovery", reboot: true })
      .steps,
  ).toEqual([
    { kind: "stage", stage: "before-upgrade" },
    { kind: "allocate", slot: "recovery" },
    ...WRITE,
    { kind: "promote", slot: "recovery", keepPassive: true },
    { kind: "attach", slot: "recovery" },
    { kind: "stage", stage: "after-upgrade" },
    { kind: "reboot" },
  ]);
});

test("the passive slot cannot be named", () => {
  expect(() => planStaged(FACTS, { ...OPTIONS, slot: "passive" })).toThrow(
    "Cannot write slot passive: a new system goes into active or recovery",
  );
});

test.each([
  ["on trial", { trial: "recovery", tries: 1 }],
  ["the good one", { good: "recovery" }],
] as const)("a recovery system that is %s is not replaced", (role, change) => {
  const record = { ...RECORD, last: undefined, ...change };
  expect(() => planStaged({ ...FACTS, record }, { ...OPTIONS, slot: "recovery" })).toThrow(
    `Cannot write slot recovery: it is ${role}`,
  );
});
