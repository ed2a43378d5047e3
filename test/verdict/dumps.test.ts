import { expect, test } from "bun:test";
import { dumpHashes, panicLines } from "../../src/verdict/dumps.ts";
import type { Files } from "../../src/system/files.ts";
import { memoryFiles } from "../fakes/files.ts";

const at = (name: string): string => `/sys/fs/pstore/${name}`;
const files = (dumps: Readonly<Record<string, string>>): Files =>
  memoryFiles(Object.fromEntries(Object.entries(dumps).map(([name, text]) => [at(name), text])));

test("dumpHashes() has one hash for each dump, by name and text, and ignores other files", () => {
  const hashes = dumpHashes(
    files({
      "dmesg-ramoops-0": "Panic#1 Part1\none",
      "dmesg-ramoops-1": "Panic#1 Part1\none",
      "console-ramoops-0": "not a dump",
    }),
  );
  expect(new Set(hashes).size).toBe(2);
  expect(dumpHashes(memoryFiles({}))).toEqual([]);
});

test.each<[string, Record<string, string>, string | undefined]>([
  ["nothing", {}, undefined],
  ["one dump", { "dmesg-ramoops-0": "Panic#1 Part1\n<0>panic\n<4>end\n" }, "<0>panic\n<4>end"],
  [
    "a panic, not an oops that came later",
    {
      "dmesg-ramoops-0": "Panic#1 Part1\nthe panic",
      "dmesg-ramoops-1": "Oops#2 Part1\nthe oops",
    },
    "the panic",
  ],
  [
    "the first part, which has the end",
    {
      "dmesg-efi-170000000001001": "Panic#1 Part1\nthe end",
      "dmesg-efi-170000000002001": "Panic#1 Part2\nthe middle",
    },
    "the end",
  ],
  [
    "the newest, compared as numbers",
    { "dmesg-erst-9": "Panic#1 Part1\nold", "dmesg-erst-10": "Panic#1 Part1\nnew" },
    "new",
  ],
  ["a dump without a header", { "dmesg-x-0": "just text" }, "just text"],
])("panicLines() of %s", (_, dumps, want) => {
  expect(panicLines(files(dumps), [])).toBe(want);
});

test("panicLines() ignores known dumps", () => {
  const old = { "dmesg-ramoops-0": "Panic#1 Part1\nold" };
  const known = dumpHashes(files(old));
  expect(panicLines(files(old), known)).toBeUndefined();
  expect(panicLines(files({ "dmesg-ramoops-0": "Panic#1 Part1\nnew" }), known)).toBe("new");
});

test("panicLines() are the last 20 lines", () => {
  const lines = Array.from({ length: 300 }, (_, index) => `<6>line ${index}`);
  const words = panicLines(files({ "dmesg-a-0": ["Panic#1 Part1", ...lines].join("\n") }), []);
  expect(words?.split("\n")).toEqual(lines.slice(-20));
});

test("panicLines() of a panic with a long stack begin with its reason", () => {
  const stack = Array.from({ length: 30 }, (_, index) => `<4>frame ${index}`);
  const reason = "<0>Kernel panic - not syncing: sysrq triggered crash";
  const text = ["Panic#1 Part1", "<6>before", reason, ...stack].join("\n");
  const words = panicLines(files({ "dmesg-a-0": text }), []);
  expect(words?.split("\n")).toEqual([reason, ...stack.slice(-20)]);
});

test("panicLines() find the reason in another part of the dump", () => {
  const parts = {
    "dmesg-efi-170000000001001": "Panic#1 Part1\n<4>frame",
    "dmesg-efi-170000000002001": "Panic#1 Part2\n<0>Kernel panic - not syncing: x\n<4>registers",
  };
  expect(panicLines(files(parts), [])).toBe("<0>Kernel panic - not syncing: x\n<4>frame");
});

test("panicLines() of dumps that cannot be read is undefined", () => {
  const broken: Files = {
    ...files({ "dmesg-a-0": "x" }),
    readText: () => {
      throw new Error("EACCES");
    },
  };
  expect(panicLines(broken, [])).toBeUndefined();
  expect(dumpHashes(broken)).toEqual([]);
});
