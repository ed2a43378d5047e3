import { expect, test } from "bun:test";
import { isVerb, parseLine } from "../../../src/cli/kairos-agent/line.ts";

const NOTHING = {
  globals: [],
  debug: false,
  asksVersion: false,
  asksHelp: false,
  verb: undefined,
  words: [],
};

test.each([
  ["upgrade --source x", { verb: "upgrade", words: ["--source", "x"] }],
  ["--debug upgrade", { globals: ["--debug"], debug: true, verb: "upgrade" }],
  [
    "--debug=true --strict-validation run-stage boot --debug",
    {
      globals: ["--debug=true", "--strict-validation"],
      debug: true,
      verb: "run-stage",
      words: ["boot", "--debug"],
    },
  ],
  ["-v", { globals: ["-v"], asksVersion: true, asksHelp: true }],
  ["--help", { globals: ["--help"], asksHelp: true }],
  ["help upgrade", { verb: "help", asksHelp: true, words: ["upgrade"] }],
])("%j", (line, parts) => {
  expect(parseLine(line.split(" "))).toEqual({ ...NOTHING, ...parts });
});

test("no words ask for help", () => {
  expect(parseLine([])).toEqual({ ...NOTHING, asksHelp: true });
});

test("an unknown flag is refused", () => {
  expect(() => parseLine(["--json", "state"])).toThrow("flag provided but not defined: -json");
});

test("isVerb() knows the verbs of the original and their short names", () => {
  expect(["upgrade", "run-stage", "s", "state", "webui"].filter((word) => !isVerb(word))).toEqual(
    [],
  );
  expect(["", "bogus", "status", "get"].filter(isVerb)).toEqual([]);
});
