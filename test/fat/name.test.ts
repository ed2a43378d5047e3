import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  checkName,
  isShortName,
  longNameSlots,
  parseLongName,
  parseShortName,
  shortNameFor,
} from "../../src/fat/name.ts";

test.each([
  ["BOOTX64.EFI", [], "BOOTX64 EFI"],
  ["tandem", [], "TANDEM     "],
  ["tandem-b+3.conf", [], "TANDEM~1CON"],
  ["tandem-a.conf", ["TANDEM~1CON", "TANDEM~2CON"], "TANDEM~3CON"],
  ["loader.conf", [], "LOADER~1CON"],
  ["two words", [], "TWOWOR~1   "],
  ["a.b.c", [], "AB~1    C  "],
  ["TANDEM", ["TANDEM     "], "TANDEM~1   "],
])("shortNameFor(%j) beside %j is %j", (name, taken, expected) => {
  expect(shortNameFor(name, new Set(taken))).toBe(expected);
});

test("shortNameFor() finds up to 9999 numbered names, and throws then", () => {
  const taken = new Set(Array.from({ length: 9998 }, (_, index) => shortNumbered(index + 1)));
  expect(shortNameFor("tandem-b.conf", taken)).toBe("TAN~9999CON");
  taken.add("TAN~9999CON");
  expect(() => shortNameFor("tandem-b.conf", taken)).toThrow("too many names like it");
});

function shortNumbered(number: number): string {
  const tail = `~${number}`;
  return `${"TANDEM-B".slice(0, 8 - tail.length)}${tail}CON`;
}

test.each([
  ["BOOTX64.EFI", true],
  ["README", true],
  ["readme", false],
  ["TOO-LONG-NAME", false],
  ["A.LONG", false],
  ["A+B", false],
])("isShortName(%j) is %j", (name, expected) => {
  expect(isShortName(name)).toBe(expected);
});

test.each(["", "a/b", "a\\b", "a:b", "a*", "ünï", ".hidden", "end.", "end ", "x".repeat(101)])(
  "checkName(%j) refuses",
  (name) => {
    expect(() => checkName(name)).toThrow("FAT has no such names");
  },
);

test.each([
  ["BOOTX64 EFI", 0, "BOOTX64.EFI"],
  ["TANDEM     ", 0x08, "tandem"],
  ["README  TXT", 0x10, "README.txt"],
  ["README  TXT", 0x18, "readme.txt"],
])("parseShortName(%j, %i) is %j", (short, caseBits, expected) => {
  expect(parseShortName(short, caseBits)).toBe(expected);
});

const someName = fc.stringMatching(/^[a-zA-Z0-9+_-]{1,100}$/);

test("parseLongName() reverses longNameSlots() for all lengths", () => {
  fc.assert(
    fc.property(someName, (name) => {
      const slots = longNameSlots(name, "TANDEM~1CON");
      expect(slots).toHaveLength(Math.ceil(name.length / 13));
      expect(parseLongName(slots, "TANDEM~1CON")).toBe(name);
      expect(parseLongName(slots, "TANDEM~2CON")).toBeUndefined();
      expect(parseLongName(slots.slice(1), "TANDEM~1CON")).toBeUndefined();
    }),
  );
});
