import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  chooseRecord,
  encodeRecord,
  GEN_MAX,
  highestGen,
  parseRecord,
  RECORD_BYTES,
  TRIES_MAX,
  type BootRecord,
} from "../../src/control/record.ts";
import { recordsOf } from "./every-record.ts";

const PLAIN: BootRecord = {
  gen: 1,
  good: "a",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: undefined,
};
const TRIAL: BootRecord = { gen: 41, good: "a", trial: "b", tries: 3, limit: 2, last: "recovery" };

test("encodeRecord() fits gen into the first sector and gen_end into the second", () => {
  for (const record of [PLAIN, { ...TRIAL, gen: GEN_MAX, tries: TRIES_MAX, limit: TRIES_MAX }]) {
    const bytes = encodeRecord(record);
    expect(bytes).toHaveLength(RECORD_BYTES);
    const text = Buffer.from(bytes).toString("latin1");
    expect(text.slice(0, 512)).toMatch(
      /^# GRUB Environment Block\ngen=\d+\ngood=a\n(.|\n)*last=.*\n#+$/,
    );
    expect(text.slice(512)).toMatch(/^#\ngen_end=\d+\n#+$/);
  }
});

test("parseRecord() undoes encodeRecord() for every record", () => {
  for (const record of [...recordsOf(1), ...recordsOf(GEN_MAX)])
    expect(parseRecord(encodeRecord(record))).toEqual(record);
});

test.each([
  ["no gen", { gen: 0 }],
  ["a gen too large", { gen: GEN_MAX + 1 }],
  ["half a gen", { gen: 1.5 }],
  ["a trial without tries", { tries: 0 }],
  ["too many tries", { tries: TRIES_MAX + 1 }],
  ["tries without a trial", { trial: undefined }],
  ["a limit below zero", { limit: -1 }],
  ["the good slot on trial", { trial: "a" }],
  ["the good slot last", { last: "a" }],
  ["the trial last", { last: "b" }],
] as const)("encodeRecord() stops at a record with %s", (_, change) => {
  expect(() => encodeRecord({ ...TRIAL, ...change })).toThrow("Assertion failed: record");
});

test.each([
  ["gen=41", "gen=40", 'its write was cut: gen is "40", gen_end is "41"'],
  ["gen=41\n", "gen=00\n", 'its write was cut: gen is "00", gen_end is "41"'],
  ["gen_end=41", "gen_xxx=41", 'its write was cut: gen is "41", gen_end is ""'],
  ["good=a", "good=c", 'it names "c", which is no slot'],
  ["good=a", "goof=a", 'it names "", which is no slot'],
  ["trial=b", "trial=x", 'it names "x", which is no slot'],
  ["last=recovery", "last=recoverx", 'it names "recoverx", which is no slot'],
  ["tries=3", "tries=x", 'tries is NaN with trial "b"'],
  ["limit=2", "limit= ", "limit is NaN"],
  ["# GRUB", "# grub", "it does not begin as a GRUB environment block"],
])("parseRecord() refuses %j changed to %j", (from, to, invalid) => {
  const text = Buffer.from(encodeRecord(TRIAL)).toString("latin1").replace(from, to);
  expect(parseRecord(Buffer.from(text, "latin1"))).toEqual({ invalid });
});

test("parseRecord() refuses numbers that the boot loader reads as octal", () => {
  const text = Buffer.from(encodeRecord(TRIAL)).toString("latin1").replaceAll("=41", "=041");
  expect(parseRecord(Buffer.from(text, "latin1"))).toEqual({ invalid: "gen is NaN" });
});

test("chooseRecord() takes the larger gen of the valid copies", () => {
  const torn = { invalid: "torn" };
  const newer = { ...PLAIN, gen: 2 };
  expect(chooseRecord(PLAIN, newer)).toBe(1);
  expect(chooseRecord(newer, PLAIN)).toBe(0);
  expect(chooseRecord(torn, PLAIN)).toBe(1);
  expect(chooseRecord(PLAIN, torn)).toBe(0);
  expect(chooseRecord(torn, torn)).toBeUndefined();
});

test("a write torn at a sector is never taken for a record, for every pair of records", () => {
  const olds = recordsOf(7).map(encodeRecord);
  const news = recordsOf(9).map(encodeRecord);
  const pairs = olds.flatMap((old) =>
    news.flatMap((next) => [[old, next] as const, [next, old] as const]),
  );
  const taken = pairs.filter(([first, second]) => {
    const torn = Buffer.concat([first.subarray(0, 512), second.subarray(512)]);
    return !("invalid" in parseRecord(torn));
  });
  expect(taken).toEqual([]);
  expect(pairs.length).toBeGreaterThan(1000);
});

test.each([
  ["a new disk", [new Uint8Array(1024), new Uint8Array(1024)], 0],
  ["whole copies", [encodeRecord(PLAIN), encodeRecord(TRIAL)], 41],
  ["a torn copy", [Buffer.concat([new Uint8Array(512), encodeRecord(TRIAL).subarray(512)])], 41],
  ["damage", [Buffer.from("gen=2147483640\ngen=x\n\nngen=50\n")], 0],
])("highestGen() of %s is found", (_, copies, gen) => {
  expect(highestGen(copies)).toBe(gen);
});

test("parseRecord() never throws, whatever the bytes", () => {
  const whole = encodeRecord(TRIAL);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1023), fc.nat(255))), (changes) => {
      const bytes = whole.slice();
      for (const [at, value] of changes) bytes[at] = value;
      const copy = parseRecord(bytes);
      if (!("invalid" in copy)) expect(parseRecord(encodeRecord(copy))).toEqual(copy);
    }),
  );
});
