import { expect, test } from "bun:test";
import fc from "fast-check";
import { compareVersions } from "../../../src/boot/image/version.ts";

/** Each is lower than the next. */
const RISING = [
  "",
  "0-rescue-8a7f",
  "5.10.0-9-amd64",
  "5.10.0-10-amd64",
  "6.1",
  "6.1.0-56-cloud-amd64",
  "6.9.3",
  "6.12-rc1",
  "6.12-rc10",
  "6.12",
  "6.12.0",
  "6.12.1-200.fc41.x86_64",
  "6.100",
  "9007199254740993",
  "9007199254740994",
] as const;

test("compareVersions() orders kernels as people do", () => {
  expect(RISING.toReversed().toSorted(compareVersions)).toEqual([...RISING]);
});

test("compareVersions() is antisymmetric and transitive", () => {
  const version = fc.string({ unit: fc.constantFrom("0", "1", "10", ".", "-", "~", "a", "-rc") });
  fc.assert(
    fc.property(version, version, version, (one, two, three) => {
      const [low = "", middle = "", high = ""] = [one, two, three].toSorted(compareVersions);
      expect(Math.sign(compareVersions(one, two))).toBe(-Math.sign(compareVersions(two, one)) + 0);
      expect(compareVersions(low, middle)).toBeLessThanOrEqual(0);
      expect(compareVersions(low, high)).toBeLessThanOrEqual(0);
    }),
  );
});
