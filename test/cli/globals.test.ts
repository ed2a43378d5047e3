import { expect, test } from "bun:test";
import { type Globals, splitGlobals } from "../../src/cli/globals.ts";

const NONE: Globals = {
  disk: undefined,
  config: undefined,
  json: false,
  debug: false,
  quiet: false,
};

interface Case {
  readonly args: readonly string[];
  readonly globals: Partial<Globals>;
  readonly rest: readonly string[];
}

const CASES: readonly Case[] = [
  { args: [], globals: {}, rest: [] },
  { args: ["status"], globals: {}, rest: ["status"] },
  { args: ["--debug", "status"], globals: { debug: true }, rest: ["status"] },
  { args: ["status", "--debug"], globals: { debug: true }, rest: ["status"] },
  { args: ["--json", "status", "--quiet"], globals: { json: true, quiet: true }, rest: ["status"] },
  { args: ["--disk", "/d", "status"], globals: { disk: "/d" }, rest: ["status"] },
  { args: ["status", "--disk=/d"], globals: { disk: "/d" }, rest: ["status"] },
  { args: ["--disk=/a=b", "status"], globals: { disk: "/a=b" }, rest: ["status"] },
  { args: ["--disk", "-d", "status"], globals: { disk: "-d" }, rest: ["status"] },
  {
    args: ["--config", "c.yaml", "--disk", "d"],
    globals: { config: "c.yaml", disk: "d" },
    rest: [],
  },
  { args: ["write", "--", "--json", "x"], globals: {}, rest: ["write", "--", "--json", "x"] },
  { args: ["--json=yes"], globals: { json: true }, rest: [] },
  { args: ["--json", "--debug=0", "--json=false"], globals: {}, rest: [] },
  { args: ["--quiet=off", "--debug=on"], globals: { debug: true }, rest: [] },
  { args: ["--", "--json=no"], globals: {}, rest: ["--", "--json=no"] },
  { args: ["--diskette", "x"], globals: {}, rest: ["--diskette", "x"] },
  {
    args: ["mark", "bad", "--reason=x", "b"],
    globals: {},
    rest: ["mark", "bad", "--reason=x", "b"],
  },
];

test.each([...CASES])("splitGlobals($args)", ({ args, globals, rest }) => {
  expect(splitGlobals(args)).toEqual({ globals: { ...NONE, ...globals }, rest: [...rest] });
});

test.each([
  [["--disk"]],
  [["--disk="]],
  [["--disk", ""]],
  [["status", "--config"]],
  [["--disk", "--json", "status"]],
  [["--disk", "--", "status"]],
])("splitGlobals(%p) refuses a flag without its value", (args) => {
  expect(() => splitGlobals(args)).toThrow(/^Cannot read the arguments: --\w+ needs a value$/);
});

test.each([
  [["--disk=/1", "--disk", "/2"], "--disk is given twice, and takes one value"],
  [["--config", "a", "status", "--config=a"], "--config is given twice, and takes one value"],
  [["--json=maybe"], "--json=maybe is neither --json=true nor --json=false"],
  [["--debug="], "--debug= is neither --debug=true nor --debug=false"],
])("splitGlobals(%p) refuses: %s", (args, why) => {
  expect(() => splitGlobals(args)).toThrow(`Cannot read the arguments: ${why}`);
});
