import { expect, test } from "bun:test";
import type { Ending } from "../../src/boot/bootloader.ts";
import { statusText } from "../../src/cli/status-text.ts";
import type { SlotReport, Status } from "../../src/verdict/status.ts";

const RECORD = {
  gen: 4,
  good: "a",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: undefined,
} as const;
const SLOT_B: SlotReport = { slot: "b", role: "passive", booted: false, status: "empty" };
const STATUS: Status = {
  noSystem: false,
  disk: "/dev/sda",
  booted: "a",
  loader: { name: "grub", seen: "/tandem/grub.cfg" },
  left: undefined,
  fell: undefined,
  confirmedBy: undefined,
  uncounted: false,
  record: RECORD,
  next: { slot: "a", role: "good" },
  fall: undefined,
  problems: [],
  slots: [SLOT_B],
  knownBad: [],
  history: [],
};

const ENDING: Ending = {
  withoutRecord: "what was first",
  usedUp: (good) => `the menu of ${good}`,
};
const FALL = { at: "today", slot: "b", stage: "silent", reason: "it hung" } as const;
const WORDS = Array.from({ length: 6 }, (_, index) => `${index + 1} of its words`).join("\n");

test("statusText() shows the last lines of a system and points to tandem why", () => {
  const lines = statusText({ ...STATUS, fall: { ...FALL, output: WORDS } }, ENDING).split("\n");
  expect(lines).not.toContain("          | 1 of its words");
  expect(lines.at(-1)).toBe("          tandem why shows more");
});

test("statusText() of a new disk is short", () => {
  expect(statusText(STATUS, ENDING)).toBe(
    [
      "disk      /dev/sda",
      "loader    grub (/tandem/grub.cfg)",
      "booted    a",
      "next      slot a",
      "slot b    passive, empty",
    ].join("\n"),
  );
});

test("statusText() aligns all rows with the longest label", () => {
  const recovery: SlotReport = { ...SLOT_B, slot: "recovery", role: "last", digest: "sha256:1" };
  expect(statusText({ ...STATUS, slots: [SLOT_B, recovery], fall: FALL }, ENDING)).toBe(
    [
      "disk          /dev/sda",
      "loader        grub (/tandem/grub.cfg)",
      "booted        a",
      "next          slot a",
      "slot b        passive, empty",
      "slot recovery last, empty",
      "              sha256:1",
      "fell          slot b at today: it hung",
      "              tandem why shows more",
    ].join("\n"),
  );
});

test.each<[string, Partial<Status>]>([
  ["booted    not from this disk", { booted: undefined }],
  [
    "booted    b (on trial, 2 tries left)",
    { booted: "b", left: 2, record: { ...RECORD, trial: "b", tries: 3 } },
  ],
  [
    "booted    b (on trial, unknown tries left)",
    { booted: "b", record: { ...RECORD, trial: "b", tries: 3 } },
  ],
  ["booted    a (after slot b was given up)", { fell: "b" }],
  ["confirmed by a stage alone: no hook of tandem checks a boot", { confirmedBy: "a stage" }],
  ["booted    a (not counted: the boot loader cannot write its count)", { uncounted: true }],
  [
    "next      slot b on trial (2 tries left), then slot a",
    { record: { ...RECORD, trial: "b", tries: 3 }, next: { slot: "b", role: "trial", left: 2 } },
  ],
  [
    "next      slot a (1 time(s) without a verdict, then slot recovery)",
    {
      record: { ...RECORD, limit: 2, last: "recovery" },
      next: { slot: "a", role: "good", left: 1 },
    },
  ],
  [
    "next      slot a (2 time(s) without a verdict, then the menu of a)",
    { record: { ...RECORD, limit: 2 }, next: { slot: "a", role: "good", left: 2 } },
  ],
  [
    "next      slot b on trial (3 tries left), then slot a (2 time(s) without a verdict, then the menu of a)",
    {
      record: { ...RECORD, trial: "b", tries: 3, limit: 2 },
      next: { slot: "b", role: "trial", left: 3 },
    },
  ],
  [
    "next      slot b (1 time(s) without a verdict, then slot recovery), since slot a was given up",
    {
      record: { ...RECORD, limit: 2, last: "recovery" },
      next: { slot: "b", role: "other", left: 1 },
    },
  ],
  [
    "next      slot recovery, since slot a was given up",
    {
      record: { ...RECORD, limit: 2, last: "recovery" },
      next: { slot: "recovery", role: "last" },
    },
  ],
  ["next      the menu of a", { next: undefined }],
  ["fell      slot b at today: it hung", { fall: FALL }],
  ["          | 6 of its words", { fall: { ...FALL, output: WORDS } }],
  ["          | 2 of its words", { fall: { ...FALL, kernel: WORDS } }],
  ["next      what was first: both copies of the boot record are lost", { record: undefined }],
  ["problem   copy 0 is torn", { problems: ["copy 0 is torn"] }],
  ["slot b    trial, booted, empty", { slots: [{ ...SLOT_B, role: "trial", booted: true }] }],
  ["slot recovery last, empty", { slots: [{ ...SLOT_B, slot: "recovery", role: "last" }] }],
  [
    "slot b    passive, written: 12.1",
    { slots: [{ ...SLOT_B, status: "written", version: "12.1" }] },
  ],
  [
    "          written yesterday, NOT verified",
    { slots: [{ ...SLOT_B, status: "written", writtenAt: "yesterday" }] },
  ],
  [
    "          written yesterday, verified today",
    { slots: [{ ...SLOT_B, status: "written", writtenAt: "yesterday", verifiedAt: "today" }] },
  ],
  [
    "          bad: it hung",
    { slots: [{ ...SLOT_B, status: "written", verdict: "bad", reason: "it hung" }] },
  ],
  [
    "known bad sha256:1: it hung (today)",
    { knownBad: [{ digest: "sha256:1", reason: "it hung", at: "today" }] },
  ],
  [
    "  today  armed b: 3 tries",
    { history: [{ at: "today", kind: "armed", slot: "b", text: "3 tries" }] },
  ],
  ["  today  install: made", { history: [{ at: "today", kind: "install", text: "made" }] }],
])("statusText() says %p", (line, more) => {
  expect(statusText({ ...STATUS, ...more }, ENDING).split("\n")).toContain(line);
});

test("statusText() shows the latest of a long history", () => {
  const history = Array.from({ length: 20 }, (_, index) => ({
    at: `${index}`,
    kind: "good" as const,
    text: "x",
  }));
  const lines = statusText({ ...STATUS, history }, ENDING).split("\n");
  const shown = lines.slice(lines.indexOf("history") + 1);
  expect(shown).toHaveLength(8);
  expect(shown.at(-1)).toBe("  19  good: x");
});
