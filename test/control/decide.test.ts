import { expect, test } from "bun:test";
import {
  armTrial,
  attach,
  type Boot,
  condemn,
  detach,
  disarm,
  endTrial,
  passedOver,
  type Policy,
  settled,
  settleGood,
} from "../../src/control/decide.ts";
import { encodeRecord, type BootRecord, type NextRecord } from "../../src/control/record.ts";
import { PARTITION_SLOTS, type SlotName } from "../../src/slot/slot.ts";
import { recordsOf } from "./every-record.ts";

const SETTLED: BootRecord = {
  gen: 5,
  good: "a",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: undefined,
};
const TRIAL: BootRecord = { ...SETTLED, trial: "b", tries: 3 };
const LIMITED: BootRecord = { ...SETTLED, limit: 4, last: "recovery" };
/** The loader may fall back to all three slots. */
const every = ({ limit }: BootRecord): Policy => ({ limit, bootable: PARTITION_SLOTS });
const only = (record: BootRecord, bootable: readonly SlotName[]): Policy => ({
  limit: record.limit,
  bootable,
});

const boot = (slot: SlotName, gen: number | undefined = 5, fell?: SlotName): Boot => ({
  slot,
  gen,
  fell,
});

test.each([
  ["a", ["a", "b", "recovery"], "recovery"],
  ["a", ["a", "b"], "b"],
  ["b", ["a", "b"], "a"],
  ["a", ["a"], undefined],
  ["a", [], undefined],
  ["recovery", ["b", "recovery"], "b"],
] as const)("settled(%s) with bootable %p ends at %p", (good, bootable, last) => {
  expect(settled(good, { limit: 4, bootable })).toEqual({
    good,
    trial: undefined,
    tries: 0,
    limit: 4,
    last,
  });
});

test.each([
  [SETTLED, { good: "a", trial: "b", tries: 3, limit: 0, last: undefined }],
  [LIMITED, { good: "a", trial: "b", tries: 3, limit: 4, last: "recovery" }],
  [
    { ...LIMITED, last: "b" },
    { good: "a", trial: "b", tries: 3, limit: 4, last: undefined },
  ],
] as const)("armTrial(%o) sets the good slot aside", (record, next) => {
  expect<NextRecord>(armTrial(record, "b", 3)).toEqual(next);
});

test("armTrial() refuses a trial of the good slot", () => {
  expect(() => armTrial(SETTLED, "a", 3)).toThrow("Assertion failed");
});

test("disarm() withdraws the trial and keeps the rest", () => {
  const record = { ...LIMITED, trial: "b", tries: 2 } as const;
  expect<NextRecord>(disarm(record)).toEqual({
    good: "a",
    trial: undefined,
    tries: 0,
    limit: 4,
    last: "recovery",
  });
});

const TO_B = { good: "b", trial: undefined, tries: 0, limit: 0, last: "recovery" };
const AGAIN = { good: "a", trial: undefined, tries: 0, limit: 4, last: "recovery" };
/** The loader has given up the good slot a. */
const past = (slot: SlotName): Boot => ({ ...boot(slot), gaveUp: "a" });
const SETTLE: readonly [string, BootRecord, Boot, object | undefined][] = [
  ["the trial becomes the good slot", TRIAL, boot("b"), TO_B],
  ["the trial, started by hand", TRIAL, boot("b", undefined), TO_B],
  ["a slot that is neither becomes the good one", SETTLED, boot("b"), TO_B],
  ["recovery does not", LIMITED, boot("recovery"), undefined],
  [
    "recovery on trial does",
    { ...TRIAL, trial: "recovery" },
    boot("recovery"),
    { ...TO_B, good: "recovery", last: "a" },
  ],
  ["the good slot stays", { ...SETTLED, last: "recovery" }, boot("a"), undefined],
  ["the good slot learns where to end", SETTLED, boot("a"), { ...SETTLED, last: "recovery" }],
  [
    "the slot that came after the good one was given up",
    LIMITED,
    past("b"),
    { ...AGAIN, good: "b" },
  ],
  ["recovery, after the good one was given up, does not", LIMITED, past("recovery"), undefined],
  ["the good slot starts its count anew", LIMITED, boot("a"), AGAIN],
  ["a trial armed after this boot waits", TRIAL, boot("a", 4), undefined],
  ["a trial that could not be counted waits", TRIAL, boot("a", 5), undefined],
  [
    "a trial that fell is over",
    TRIAL,
    boot("a", 5, "b"),
    { ...SETTLED, gen: undefined, last: "recovery" },
  ],
  ["a trial armed after a fall waits", TRIAL, boot("a", 4, "b"), undefined],
];
test.each(SETTLE)("settleGood(): %s", (...[, record, facts, next]) => {
  const { gen: _gen, ...want } = { gen: 0, ...next };
  expect<object | undefined>(settleGood(record, facts, every(record))).toEqual(
    next === undefined ? undefined : want,
  );
});

test("endTrial() never makes the trial the last resort", () => {
  expect(endTrial(TRIAL, boot("a", 5, "b"), only(TRIAL, ["a", "b"]))?.last).toBeUndefined();
});

test.each([
  ["the trial", TRIAL, "b", { ...SETTLED, last: "recovery" }],
  ["the last one", LIMITED, "recovery", { ...LIMITED, last: "b" }],
  [
    "the last one while the other is on trial",
    { ...TRIAL, last: "recovery" },
    "recovery",
    { ...TRIAL, last: undefined },
  ],
  ["one that nothing leads to", SETTLED, "b", undefined],
  ["the good one", SETTLED, "a", { ...SETTLED, good: "b", last: "recovery" }],
] as const)("condemn() of %s", (...[, record, slot, next]) => {
  const { gen: _gen, ...want } = { gen: 0, ...next };
  const { gen: _had, ...got } = { gen: 0, ...condemn(record, slot, every(record)) };
  expect<object>(got).toEqual(want);
});

test.each([
  ["alone", SETTLED, ["a", "recovery"]],
  ["while the other is on trial", TRIAL, ["a", "b"]],
] as const)("condemn() refuses the good slot %s", (_, record, bootable) => {
  expect(() => condemn(record, "a", only(record, bootable))).toThrow(
    "no other slot has proven itself",
  );
});

test.each([
  ["the other slot is the end then", LIMITED, ["a", "b", "recovery"], { ...LIMITED, last: "b" }],
  ["the menu is the end then", LIMITED, ["a", "recovery"], { ...LIMITED, last: undefined }],
  [
    "a trial is no end",
    { ...LIMITED, trial: "b", tries: 2 },
    ["a", "b", "recovery"],
    { ...LIMITED, trial: "b", tries: 2, last: undefined },
  ],
  ["nothing ends there", SETTLED, ["a", "b"], undefined],
] as const)("detach() of recovery: %s", (...[, record, bootable, next]) => {
  const { gen: _gen, ...want } = { gen: 0, ...next };
  const got = detach(record, "recovery", only(record, bootable));
  expect<object | undefined>(got).toEqual(next === undefined ? undefined : want);
});

test("attach() makes a slot the last resort, keeps a trial, and uses the configured limit", () => {
  const next = attach(TRIAL, "recovery", { limit: 3, bootable: [] });
  const { gen: _gen, ...want } = { ...TRIAL, limit: 3, last: "recovery" as const };
  expect<NextRecord>(next).toEqual(want);
  expect(() => attach(TRIAL, "b", every(TRIAL))).toThrow("Assertion failed");
});

test.each([
  ["another slot came up", past("b"), "a"],
  ["it came up itself", past("a"), undefined],
  ["it was of another record", { ...past("b"), gen: 4 }, undefined],
  ["another slot was given up", { ...boot("recovery"), gaveUp: "b" }, undefined],
] as const)("passedOver() when %s is %p", (_, facts, want) => {
  expect<SlotName | undefined>(passedOver(LIMITED, facts)).toBe(want);
});

/** Every decision, and whether it may change the good slot. */
function decisions(
  record: BootRecord,
  slot: SlotName,
): { next: NextRecord | undefined; mayMove: boolean }[] {
  return [
    { next: disarm(record), mayMove: false },
    { next: slot === record.good ? undefined : armTrial(record, slot, 1), mayMove: false },
    { next: detach(record, slot, every(record)), mayMove: false },
    {
      next:
        slot === record.good || slot === record.trial
          ? undefined
          : attach(record, slot, every(record)),
      mayMove: false,
    },
    { next: settleGood(record, boot(slot), every(record)), mayMove: true },
    { next: settleGood(record, boot(record.good, 5, slot), every(record)), mayMove: false },
  ];
}

test("every decision on every record makes a valid record, and only allowed ones change the good slot", () => {
  const all = recordsOf(5).flatMap((record) =>
    PARTITION_SLOTS.flatMap((slot) =>
      decisions(record, slot).map((decision) => ({ record, ...decision })),
    ),
  );
  for (const { record, next, mayMove } of all) {
    if (next === undefined) continue;
    encodeRecord({ ...next, gen: 6 });
    if (!mayMove) expect(next.good).toBe(record.good);
  }
  expect(all.length).toBeGreaterThan(300);
});
