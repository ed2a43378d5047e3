import { expect, test } from "bun:test";
import type { BootRecord } from "../../src/control/record.ts";
import { type FailedBoot, whyStay } from "../../src/control/stay.ts";

const SETTLED: BootRecord = {
  gen: 7,
  good: "a",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: "b",
};
const TRIAL: BootRecord = { ...SETTLED, trial: "b", tries: 3 };
const LIMITED: BootRecord = { ...SETTLED, limit: 2 };

const boot = (more: Partial<FailedBoot>): FailedBoot => ({
  slot: "a",
  gen: 7,
  left: undefined,
  uncounted: false,
  ...more,
});

test.each<[string, BootRecord | undefined, FailedBoot]>([
  ["a trial with boots left", TRIAL, boot({ slot: "b", left: 2 })],
  ["a trial without boots left: the good slot is next", TRIAL, boot({ slot: "b", left: 0 })],
  ["the good slot within its limit", LIMITED, boot({ left: 1 })],
  ["the good slot at its limit: the last one is next", LIMITED, boot({ left: 0 })],
  ["the good slot, when a trial was armed after this boot", TRIAL, boot({ gen: 6 })],
])("whyStay() lets the machine reboot from %s", (...[, record, failed]) => {
  expect(whyStay(record, failed)).toBeUndefined();
});

test.each<[string, BootRecord | undefined, FailedBoot, string]>([
  ["the good slot", SETTLED, boot({}), "its boots are not counted"],
  ["the good slot whose limit came after this boot", LIMITED, boot({ gen: 6 }), "not counted"],
  [
    "the last slot",
    LIMITED,
    boot({ slot: "b" }),
    "slot b is the last resort: nothing else would boot",
  ],
  ["the good slot that was chosen in spite of a trial", TRIAL, boot({}), "its boots are not"],
  ["a trial that cannot be counted", TRIAL, boot({ slot: "b", uncounted: true }), "cannot count"],
  [
    "the good slot, where nothing can be counted",
    LIMITED,
    boot({ uncounted: true }),
    "cannot count",
  ],
  ["a slot that something else started", TRIAL, boot({ slot: "b", gen: undefined }), "did not say"],
  ["a machine without a record", undefined, boot({ left: 1 }), "boot record are lost"],
])("whyStay() keeps the machine up in %s", (...[, record, failed, why]) => {
  expect(whyStay(record, failed)).toContain(why);
});
