import { expect, test } from "bun:test";
import { lastLines } from "../../src/lib/last-lines.ts";

const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

test.each([
  ["nothing", "", ""],
  ["a few lines, without the last line end", "one\ntwo\n\n", "one\ntwo"],
  ["20 lines", lines(20).join("\n"), lines(20).join("\n")],
  ["more lines", lines(25).join("\n"), lines(25).slice(5).join("\n")],
  ["a long line", `${"x".repeat(1999)}yz`, `${"x".repeat(1998)}yz`],
])("lastLines() of %s", (_, text, want) => {
  expect(lastLines(text)).toBe(want);
});
