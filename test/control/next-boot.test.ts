import { expect, test } from "bun:test";
import { type CountedBoot, nextBoot } from "../../src/control/next-boot.ts";
import type { BootRecord } from "../../src/control/record.ts";
import { PARTITION_SLOTS, type PartitionSlot } from "../../src/slot/slot.ts";

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

const boot = (slot: PartitionSlot, more: Partial<CountedBoot> = {}): CountedBoot => ({
  slot,
  gen: 5,
  fell: undefined,
  left: undefined,
  ...more,
});
const past = (slot: PartitionSlot, left?: number): CountedBoot => boot(slot, { gaveUp: "a", left });

const trial = (left: number): object => ({ slot: "b", role: "trial", left });
const good = (left?: number): object =>
  left === undefined ? { slot: "a", role: "good" } : { slot: "a", role: "good", left };
const other = (left: number): object => ({ slot: "b", role: "other", left });
const last = (slot: PartitionSlot): object => ({ slot, role: "last" });

const CASES: readonly [string, BootRecord, CountedBoot | undefined, object | undefined][] = [
  ["a settled record", SETTLED, boot("a"), good()],
  ["a disk that nothing runs from", TRIAL, undefined, trial(3)],
  ["a trial that was armed after this boot", TRIAL, boot("a", { gen: 4 }), trial(3)],
  ["a trial that runs", TRIAL, boot("b", { left: 2 }), trial(2)],
  ["a trial that runs for the last time", TRIAL, boot("b", { left: 0 }), good()],
  ["the same with a limit", { ...TRIAL, limit: 2 }, boot("b", { left: 0 }), good(2)],
  ["a trial that fell", TRIAL, boot("a", { fell: "b" }), good()],
  ["a trial that could not be counted", TRIAL, boot("a"), trial(3)],
  ["a record with a limit, not counted yet", LIMITED, boot("a", { gen: 4, left: 0 }), good(4)],
  ["the good slot, counted", LIMITED, boot("a", { left: 3 }), good(3)],
  ["the good slot that could not be counted", LIMITED, boot("a"), good(4)],
  ["the good slot for the last time", LIMITED, boot("a", { left: 0 }), other(4)],
  [
    "the good slot for the last time, the other one being the end",
    { ...LIMITED, last: "b" },
    boot("a", { left: 0 }),
    last("b"),
  ],
  [
    "the good slot for the last time, after a trial that fell",
    { ...TRIAL, limit: 4, last: "recovery" },
    boot("a", { left: 0, fell: "b" }),
    last("recovery"),
  ],
  ["the same without an end", { ...LIMITED, last: undefined }, boot("a", { left: 0 }), undefined],
  ["the other slot, counted", LIMITED, past("b", 2), other(2)],
  ["the other slot for the last time", LIMITED, past("b", 0), last("recovery")],
  ["the other slot as the end", { ...LIMITED, last: "b" }, past("b"), last("b")],
  ["recovery", LIMITED, past("recovery"), last("recovery")],
  ["a slot that a person chose", LIMITED, boot("b"), good(4)],
];

test.each([...CASES])("nextBoot() of %s", (...[, record, facts, want]) => {
  expect<object | undefined>(nextBoot(record, facts, PARTITION_SLOTS)).toEqual(want);
});

test("nextBoot() skips a slot that the loader must not fall back to", () => {
  const facts = boot("a", { left: 0 });
  expect<object | undefined>(nextBoot(LIMITED, facts, ["a", "recovery"])).toEqual(last("recovery"));
});
