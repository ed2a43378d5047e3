import { expect, test } from "bun:test";
import { compareVersions, isPrerelease } from "../../../src/cli/kairos-agent/semver.ts";

/** From the lowest to the highest. */
const ORDER = [
  ["", "x", "1.2.3", "v1.2.3.4", "v01.2.3"],
  ["v0.0.1"],
  ["v1", "v1.0", "v1.0.0", "v1.0.0+build"],
  ["v1.2.3-0"],
  ["v1.2.3-2"],
  ["v1.2.3-10"],
  ["v1.2.3-alpha"],
  ["v1.2.3-alpha.1"],
  ["v1.2.3-rc1"],
  ["v1.2.3-rc2", "v1.2.3-rc2+x"],
  ["v1.2.3"],
  ["v1.10.0"],
  ["v99999999999999999999.0.0"],
];

test("compareVersions() puts versions in their order", () => {
  const all = ORDER.flatMap((texts, row) => texts.map((text) => ({ text, row })));
  for (const one of all)
    for (const other of all) {
      const order = Math.sign(compareVersions(one.text, other.text));
      const want = Math.sign(one.row - other.row);
      expect({ one, other, order }).toEqual({ one, other, order: want });
    }
});

test.each([
  ["v1.2.3", false],
  ["v1.2.3+x-y", false],
  ["v1.2.3-rc1", true],
  ["rc1", false],
])("isPrerelease(%j) is %p", (text, is) => {
  expect(isPrerelease(text)).toBe(is);
});
