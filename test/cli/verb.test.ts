import { expect, test } from "bun:test";
import type { Context } from "../../src/cli/context.ts";
import { loadConfig } from "../../src/cli/config.ts";
import { splitGlobals } from "../../src/cli/globals.ts";
import { defineVerb, type Verb } from "../../src/cli/verb.ts";
import { verbs } from "../../src/cli/verbs.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { memorySystem } from "../fakes/machine.ts";

const system = memorySystem();
const { globals } = splitGlobals([]);
const context: Context = {
  system,
  globals,
  ...loadConfig(system, globals),
  talk: { ...SILENT, end() {} },
  signal: new AbortController().signal,
};

function spyVerb(): { verb: Verb; seen: unknown[] } {
  const seen: unknown[] = [];
  const verb = defineVerb({
    name: "paint",
    description: "Paint a wall",
    args: {
      wall: { type: "positional", required: true, description: "Which" },
      second: { type: "positional", required: false, description: "Another" },
      fast: { type: "boolean", description: "Hurry" },
      "dry-run": { type: "boolean", description: "Only look" },
      colour: { type: "string", description: "Of the paint" },
    },
    run(_, args) {
      const { wall, second, fast, colour } = args;
      seen.push({ wall, second, fast, dryRun: args["dry-run"], colour });
      return Promise.resolve();
    },
  });
  return { verb, seen };
}

test.each([
  [["north"], { wall: "north" }],
  [["north", "south"], { wall: "north", second: "south" }],
  [["--fast", "north", "--colour", "red"], { wall: "north", fast: true, colour: "red" }],
  [["--colour=a=b", "north", "--dry-run"], { wall: "north", colour: "a=b", dryRun: true }],
  [["--fast", "--fast=no", "x"], { wall: "x", fast: undefined }],
  [["--", "-x", "--fast"], { wall: "-x", second: "--fast" }],
  [["--colour=", "x"], { wall: "x", colour: "" }],
])("a verb gets the arguments %p as %p", async (args, want) => {
  const { verb, seen } = spyVerb();
  await verb.run(context, args);
  const none = { second: undefined, fast: undefined, dryRun: undefined, colour: undefined };
  expect(seen).toEqual([{ ...none, ...want }]);
});

test.each([[[]], [["a", "b", "c"]], [["a", "--slow"]], [["a", "-f"]]])(
  "a verb is not run with the arguments %p",
  async (args) => {
    const { verb, seen } = spyVerb();
    await expect(verb.run(context, args)).rejects.toMatchObject({ code: "usage" });
    expect(seen).toEqual([]);
  },
);

test("usage() lists positional arguments and flags", async () => {
  const text = await spyVerb().verb.usage();
  for (const word of ["Paint a wall", "<WALL>", "[SECOND]", "--fast", "--colour=<colour>"])
    expect(text).toContain(word);
});

test("verbs have different names and a description", () => {
  const names = verbs.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { description } of verbs) expect(description).toMatch(/^[A-Z].{10,100}[^.]$/);
});
