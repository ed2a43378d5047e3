import { expect, test } from "bun:test";
import { candidatesOf } from "../../../src/boot/systemd-boot/candidates.ts";
import type { BootRecord } from "../../../src/control/record.ts";
import type { SlotName } from "../../../src/slot/slot.ts";

const SETTLED: BootRecord = {
  gen: 7,
  good: "a",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: undefined,
};
const ALL: readonly SlotName[] = ["a", "b", "recovery"];

/** "b+3 a recovery" */
function text(record: Partial<BootRecord>, startable: readonly SlotName[] = ALL): string {
  return candidatesOf({ ...SETTLED, ...record }, (slot) => startable.includes(slot))
    .map(({ slot, tries }) => (tries === undefined ? slot : `${slot}+${tries}`))
    .join(" ");
}

test.each([
  ["a good slot, and what else can be started", {}, ALL, "a b recovery"],
  ["only what can be started", {}, ["a"], "a"],
  ["a trial first", { trial: "b", tries: 3 }, ALL, "b+3 a recovery"],
  ["a trial that cannot be started is none", { trial: "b", tries: 3 }, ["a"], "a"],
  ["recovery on trial", { trial: "recovery", tries: 1 }, ALL, "recovery+1 a b"],
  ["recovery as the good one", { good: "recovery" }, ALL, "recovery a"],
  ["a limit without an end: never only what is counted", { limit: 4 }, ALL, "a+4 a"],
  [
    "an end that cannot be started is none",
    { limit: 4, last: "recovery" },
    ["a", "b"],
    "a+4 b+4 a",
  ],
  ["a trial and a limit without an end", { limit: 4, trial: "b", tries: 2 }, ALL, "b+2 a+4 a"],
  [
    "a good slot with a limit that cannot be started",
    { limit: 4, trial: "b", tries: 2 },
    ["b"],
    "b+2",
  ],
  ["a limit, then the other slot", { limit: 4, last: "b" }, ALL, "a+4 b"],
  [
    "a limit, the other slot counted, then recovery",
    { limit: 4, last: "recovery" },
    ALL,
    "a+4 b+4 recovery",
  ],
  [
    "a trial that was used up is no last resort",
    { limit: 4, last: "recovery", trial: "b", tries: 2 },
    ALL,
    "b+2 a+4 recovery",
  ],
  [
    "recovery as the good one with a limit",
    { good: "recovery", limit: 2, last: "b" },
    ALL,
    "recovery+2 b",
  ],
] as const)("%s", (...row) => {
  const [, record, startable, expected] = row;
  expect(text(record, startable)).toBe(expected);
});
