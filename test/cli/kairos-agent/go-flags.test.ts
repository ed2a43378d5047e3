import { expect, test } from "bun:test";
import { isOn, parseGoFlags, valueOf } from "../../../src/cli/kairos-agent/go-flags.ts";

const KINDS = { source: "value", recovery: "switch" } as const;
const parse = (line: string) => parseGoFlags(line === "" ? [] : line.split(" "), KINDS);

test.each([
  ["", undefined, false, []],
  ["--source a", "a", false, []],
  ["-source a", "a", false, []],
  ["--source=a=b", "a=b", false, []],
  ["--source=", "", false, []],
  ["--source a --source b", "b", false, []],
  ["--source --recovery", "--recovery", false, []],
  ["--recovery", undefined, true, []],
  ["--recovery=T --source a", "a", true, []],
  ["--recovery --recovery=0", undefined, false, []],
  ["--recovery x --source a", undefined, true, ["x", "--source", "a"]],
  ["--recovery -- --source a", undefined, true, ["--source", "a"]],
  ["- --recovery", undefined, false, ["-", "--recovery"]],
] as const)("%j", (line, ...[source, recovery, rest]) => {
  const parsed = parse(line);
  expect(valueOf(parsed, "source")).toBe(source);
  expect(isOn(parsed, "other", "recovery")).toBe(recovery);
  expect(parsed.rest).toEqual([...rest]);
});

test.each([
  ["--bogus", "flag provided but not defined: -bogus"],
  ["-b=1", "flag provided but not defined: -b"],
  ["--source", "flag needs an argument: -source"],
  ["--recovery=maybe", 'invalid boolean value "maybe" for -recovery: parse error'],
  ["---source", "bad flag syntax: ---source"],
  ["--=x", "bad flag syntax: --=x"],
])("%j is refused", (line, text) => {
  expect(() => parse(line)).toThrow(new Error(text));
});

test("an empty word ends the flags", () => {
  expect(parseGoFlags(["", "--recovery"], KINDS).rest).toEqual(["", "--recovery"]);
});
