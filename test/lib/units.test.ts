import { expect, test } from "bun:test";
import fc from "fast-check";
import { alignUp, formatBytes, GiB, KiB, MiB, parseBytes } from "../../src/lib/units.ts";

test.each([
  [0, "0 B"],
  [17, "17 B"],
  [1023, "1023 B"],
  [KiB, "1.0 KiB"],
  [1.5 * GiB, "1.5 GiB"],
  [1024 * GiB, "1.0 TiB"],
  [5000 * 1024 * GiB, "5000.0 TiB"],
])("formatBytes(%p) is %p", (sizeBytes, text) => {
  expect(formatBytes(sizeBytes)).toBe(text);
});

test.each([
  ["0", 0],
  ["1048576", MiB],
  ["17B", 17],
  ["64K", 64 * KiB],
  ["64M", 64 * MiB],
  ["64MiB", 64 * MiB],
  ["64mib", 64 * MiB],
  ["2G", 2 * GiB],
  ["2GiB", 2 * GiB],
  ["1T", 1024 * GiB],
  ["8191T", 8191 * 1024 * GiB],
])("parseBytes(%p) is %p", (text, sizeBytes) => {
  expect(parseBytes(text)).toBe(sizeBytes);
});

test.each([
  "",
  "M",
  "-1",
  "+1",
  "1.5G",
  "1 G",
  " 1",
  "1\n",
  "64MB",
  "64iB",
  "0x10",
  "1e3",
  "1P",
  "8192T",
  "99999999999999999999",
])("parseBytes(%p) is undefined", (text) => {
  expect(parseBytes(text)).toBeUndefined();
});

test("alignUp() gives the smallest multiple that is at least the value", () => {
  const value = fc.integer({ min: 0, max: 2 ** 40 });
  fc.assert(
    fc.property(value, fc.constantFrom(1, 512, 4096, MiB), (size, unit) => {
      const aligned = alignUp(size, unit);
      expect(aligned % unit).toBe(0);
      expect(aligned).toBeGreaterThanOrEqual(size);
      expect(aligned - size).toBeLessThan(unit);
    }),
  );
});
