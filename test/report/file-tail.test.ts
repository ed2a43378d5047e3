import { expect, test } from "bun:test";
import { tailOf } from "../../src/report/file-tail.ts";
import { memoryFiles } from "../fakes/files.ts";

test("a short file is there as a whole", () => {
  expect(tailOf({ files: memoryFiles({ "/a.log": "one\ntwo\n" }) }, "/a.log")).toBe("one\ntwo\n");
});

test("of a long file the last lines are there, from the start of a line", () => {
  const line = `${"x".repeat(99)}\n`;
  const files = memoryFiles({
    "/a.log": `${"token: s3cret ".repeat(20_000)}\n${line.repeat(4000)}`,
  });
  const [first, ...rest] = tailOf({ files }, "/a.log").split("\n");
  expect(first).toBe("(280001 bytes before this are left out)");
  expect(rest).toHaveLength(4001);
});

test("a file that cannot be read is named", () => {
  expect(() => tailOf({ files: memoryFiles({}) }, "/a.log")).toThrow("Cannot read /a.log: ");
});
