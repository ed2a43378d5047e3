import { expect, test } from "bun:test";
import { errorText } from "../../src/cli/error-text.ts";
import { TandemError } from "../../src/lib/error.ts";
import { faults, readSchema } from "../fakes/json-schema.ts";

const FORM = { debug: false, json: false, quiet: false };
const REPORT = "run tandem report and attach the file that it writes.";

test("a condition is printed with its causes, without those that it repeats, and its hint", () => {
  const root = new Error("the disk is gone");
  const cause = new Error("Cannot read sector 7", { cause: root });
  const message = "Cannot open the slot: Cannot read sector 7";
  const error = new TandemError("disk", message, { cause, hint: "Look at the cable." });
  expect(errorText(error, FORM).split("\n")).toEqual([
    `tandem: ${message}`,
    "  because: the disk is gone",
    "  hint: Look at the cable.",
    "",
  ]);
});

test.each([[new TypeError("x is not a function")], ["thrown text"]])(
  "a bug points to tandem report (%p)",
  (error) => {
    const hint = `This is a bug in tandem. To report it, ${REPORT}`;
    expect(errorText(error, FORM)).toEndWith(`\n  hint: ${hint}\n`);
    const line = JSON.parse(errorText(error, { ...FORM, json: true })) as unknown;
    expect(line).toMatchObject({ level: "error", code: "unexpected", hint });
    expect(faults(readSchema("talk.json"), line)).toEqual([]);
  },
);

test("--debug adds the stack and points to tandem report", () => {
  const text = errorText(new TandemError("disk", "Cannot"), { ...FORM, debug: true });
  expect(text).toMatch(/^tandem: Cannot\n.*\n +at .*error-text\.test\.ts/);
  expect(text).toEndWith(`\nTo get help with this, ${REPORT}\n`);
});

test.each([
  [false, ["error", "debug"]],
  [true, ["error"]],
])("--debug --json adds a JSON line, unless --quiet is given (%p)", (quiet, levels) => {
  const text = errorText(new TandemError("disk", "Cannot"), { debug: true, json: true, quiet });
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { level: string });
  expect(lines.map(({ level }) => level)).toEqual(levels);
  for (const line of lines) expect(faults(readSchema("talk.json"), line)).toEqual([]);
});
