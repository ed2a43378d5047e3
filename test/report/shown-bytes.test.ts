import { expect, test } from "bun:test";
import { shownBytes } from "../../src/report/shown-bytes.ts";

test("what fills up a block is shortened, and what is no text is shown as ?", () => {
  const bytes = Buffer.from(`a=b\n${"#".repeat(100)}\0\n`);
  expect(shownBytes(bytes)).toBe("a=b\n###…?\n\n");
  expect(shownBytes(new Uint8Array(1024))).toBe("???…\n");
});
