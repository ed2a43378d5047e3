import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  encodeEntry,
  entryName,
  parseEntry,
  parseEntryName,
} from "../../../src/boot/systemd-boot/entry.ts";
import { PARTITION_SLOTS } from "../../../src/slot/slot.ts";
import { recordsOf } from "../../control/every-record.ts";

test.each([
  ["tandem-a.conf", { slot: "a", counter: undefined }],
  ["tandem-b+3.conf", { slot: "b", counter: { left: 3, done: 0 } }],
  ["tandem-b+2-1.conf", { slot: "b", counter: { left: 2, done: 1 } }],
  ["tandem-b-17+0-3.conf", { slot: "b", counter: { left: 0, done: 3 } }],
  ["tandem-recovery-17.conf", { slot: "recovery", counter: undefined }],
  ["tandem-c.conf", undefined],
  ["tandem-a.conf.new", undefined],
  ["my-tandem-a.conf", undefined],
  ["tandem-a+.conf", undefined],
  ["arch.conf", undefined],
])("parseEntryName(%s) is %j", (name, expected) => {
  expect(parseEntryName(name)).toEqual(expected as ReturnType<typeof parseEntryName>);
});

test.each([
  [undefined, [], "tandem-b.conf"],
  [3, [], "tandem-b+3.conf"],
  [3, ["tandem-b+2-1.conf"], "tandem-b-17+3.conf"],
  [3, ["tandem-a+2-1.conf", "tandem-b.conf", "tandem-b-16+2-1.conf"], "tandem-b+3.conf"],
  [3, ["tandem-b+3.conf", "tandem-b-17+0-3.conf", "TANDEM-B-18+3.CONF"], "tandem-b-19+3.conf"],
  [undefined, ["tandem-b+2-1.conf"], "tandem-b.conf"],
  [3, ["tandem-b+3.conf"], "tandem-b-17+3.conf"],
  [undefined, ["tandem-b.conf"], "tandem-b-17.conf"],
  [undefined, ["tandem-b.conf", "tandem-b-17.conf"], "tandem-b-18.conf"],
])("entryName() with %j tries where %j are taken is %s", (tries, taken, expected) => {
  expect(entryName({ slot: "b", tries, gen: 17 }, taken)).toBe(expected);
});

const everyEntry = fc.record({
  slot: fc.constantFrom(...PARTITION_SLOTS),
  record: fc.constantFrom(...recordsOf(12)),
  rank: fc.integer({ min: 1, max: 9 }),
  linux: fc.constantFrom("/tandem/a/linux-0123", "/tandem/b/linux-4567"),
  initrd: fc.constantFrom(undefined, "/tandem/a/initrd-0123"),
  options: fc.constantFrom("", "root=PARTUUID=1 ro quiet console=ttyS0,115200"),
});
const someTries = fc.constantFrom(undefined, 3);

test("an entry is read as it was written, and a torn entry is ignored by tandem and systemd-boot", () => {
  fc.assert(
    fc.property(everyEntry, someTries, fc.nat(), (entry, tries, at) => {
      const text = encodeEntry({ ...entry, tries });
      const name = `tandem-${entry.slot}+3.conf`;
      expect(parseEntry(name, text)).toEqual({ ...entry, name, counter: { left: 3, done: 0 } });
      const cut = text.slice(0, at % text.length);
      expect(parseEntry(name, cut)).toBeUndefined();
      // systemd-boot ignores an entry without this line.
      expect(cut.includes("\nlinux ")).toBe(cut.length > text.lastIndexOf("\nlinux ") + 6);
    }),
  );
});

test("an entry passes slot and generation to the kernel", () => {
  const record = { gen: 12, good: "a", trial: "b", tries: 3, limit: 0, last: undefined } as const;
  const start = { linux: "/tandem/b/linux-1", initrd: "/tandem/b/initrd-1", options: "ro quiet" };
  expect(encodeEntry({ slot: "b", tries: 3, record, rank: 9, ...start }).split("\n")).toEqual([
    "# Written by tandem. Changes are overwritten.",
    "# record 12 a b 3 0 -",
    "title tandem slot b",
    "sort-key tandem",
    "version 12.9",
    "initrd /tandem/b/initrd-1",
    "options tandem.slot=b tandem.gen=12 tandem.counted ro quiet",
    "linux /tandem/b/linux-1",
    "",
  ]);
});

test.each([
  ["another record", "# record 12 a b 3 0 -", "# record 12 a a 3 0 -"],
  ["no record", "# record 12 a b 3 0 -\n", ""],
  ["no version", "version 12.9\n", ""],
  ["somebody else's options", "options tandem.slot=b", "options quiet"],
])("parseEntry() refuses %s", (_, from, to) => {
  const record = { gen: 12, good: "a", trial: "b", tries: 3, limit: 0, last: undefined } as const;
  const text = encodeEntry({
    slot: "b",
    tries: 3,
    record,
    rank: 9,
    linux: "/l",
    initrd: undefined,
    options: "",
  });
  expect(parseEntry("tandem-b.conf", text)).toBeDefined();
  expect(parseEntry("tandem-b.conf", text.replace(from, to))).toBeUndefined();
});
