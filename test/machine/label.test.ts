import { expect, test } from "bun:test";
import { labelOf } from "../../src/machine/label.ts";

test("labelOf() fits the superblock", () => {
  expect(labelOf("a")).toBe("tandem-a");
  expect(labelOf("recovery")).toBe("tandem-recovery");
  expect(labelOf("recovery").length).toBeLessThanOrEqual(16);
});
