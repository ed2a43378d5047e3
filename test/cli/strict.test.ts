import { expect, test } from "bun:test";
import { strictArguments } from "../../src/cli/strict.ts";

const KNOWN = {
  source: { type: "positional", required: true },
  target: { type: "positional", required: false },
  reboot: { type: "boolean" },
  tries: { type: "string" },
  "insecure-registry": { type: "string" },
  exclude: { type: "string" },
  root: { type: "string" },
} as const;

test.each([
  [["s"], ["--", "s"]],
  [
    ["s", "t"],
    ["--", "s", "t"],
  ],
  [
    ["--reboot", "s"],
    ["--reboot", "--", "s"],
  ],
  [
    ["s", "--tries", "3", "t"],
    ["--tries=3", "--", "s", "t"],
  ],
  [
    ["--tries=3=4", "s"],
    ["--tries=3=4", "--", "s"],
  ],
  [
    ["--insecure-registry", "one", "s", "--insecure-registry=two"],
    ["--insecure-registry=one,two", "--", "s"],
  ],
  [
    ["s", "--exclude", "/a,b", "--exclude="],
    ["--exclude=/a,b\0", "--", "s"],
  ],
  [
    ["--reboot", "--reboot", "s"],
    ["--reboot", "--", "s"],
  ],
  [
    ["--", "-s", "--reboot"],
    ["--", "-s", "--reboot"],
  ],
  [
    ["s", "--", "--reboot=no"],
    ["--", "s", "--reboot=no"],
  ],
  [
    ["s", "--reboot=yes"],
    ["--reboot", "--", "s"],
  ],
  [
    ["s", "--reboot", "--reboot=no"],
    ["--", "s"],
  ],
  [
    ["s", "--reboot=false", "--reboot=1"],
    ["--reboot", "--", "s"],
  ],
  [
    ["s", "--no-reboot"],
    ["--", "s"],
  ],
])("strictArguments(%p) is %p", (args, want) => {
  expect(strictArguments("verb", args, KNOWN)).toEqual(want);
});

test.each([
  [["s", "--rebot"], 'Unknown option "--rebot"'],
  [["s", "-r"], 'Unknown option "-r"'],
  [["s", "--no-tries"], 'Unknown option "--no-tries"'],
  [["s", "--reboot=maybe"], "--reboot=maybe is neither --reboot=true nor --reboot=false"],
  [["s", "--reboot="], "--reboot= is neither --reboot=true nor --reboot=false"],
  [["s", "--tries", "3", "--tries=4"], "--tries is given twice, and takes one value"],
  [["s", "--tries=3", "--tries=3"], "--tries is given twice, and takes one value"],
  [["s", "--tries"], 'Option "--tries <value>" argument missing'],
  [["s", "--tries", "--reboot"], 'Option "--tries" argument is ambiguous'],
  [["s", "t", "u"], '"u" is one word too many'],
  [["s", "--root", ""], "--root needs a value"],
  [["s", "--root="], "--root needs a value"],
])("strictArguments(%p) refuses: %s", (args, why) => {
  expect(() => strictArguments("verb", args, KNOWN)).toThrow(
    expect.objectContaining({
      code: "usage",
      message: `Cannot read the arguments of verb: ${why}`,
      hint: "See tandem verb --help.",
    }),
  );
});

test("strictArguments() names the words that are missing", () => {
  const known = {
    verdict: { type: "positional", required: true, description: "Good or bad" },
    slot: { type: "positional", required: true },
    note: { type: "positional", required: false },
  } as const;
  const hint = "See tandem verb --help.";
  for (const [args, why] of [
    [[], "VERDICT and SLOT are missing"],
    [["good"], "SLOT is missing"],
  ] as const)
    expect(() => strictArguments("verb", args, known)).toThrow(
      expect.objectContaining({ code: "usage", message: `Cannot run tandem verb: ${why}`, hint }),
    );
  expect(() => strictArguments("verb", [], { verdict: known.verdict })).toThrow(
    "Cannot run tandem verb: VERDICT is missing (good or bad)",
  );
});

test("strictArguments() refuses a line without a required flag", () => {
  const known = { source: { type: "string", required: true } } as const;
  expect(strictArguments("verb", ["--source", "s"], known)).toEqual(["--source=s", "--"]);
  expect(() => strictArguments("verb", [], known)).toThrow("--source is missing");
});
