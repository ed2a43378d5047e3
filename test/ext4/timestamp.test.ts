import { expect, test } from "bun:test";
import { clampTime, extraOf } from "../../src/ext4/timestamp.ts";

const LAST = 15_032_385_535;

test.each([
  [0, 0],
  [-(2 ** 31), -(2 ** 31)],
  [-(2 ** 31) - 1, -(2 ** 31)],
  [LAST, LAST],
  [LAST + 1, LAST],
  [10_737_418_239, 10_737_418_239],
  [10_737_418_240, 10_737_418_239],
  [12_884_901_887, 10_737_418_239],
  [12_884_901_888, 12_884_901_888],
])("clampTime(%d) is %d", (seconds, want) => {
  expect(clampTime({ seconds, nanoseconds: 0 }).seconds).toBe(want);
});

test("clampTime() drops the nanoseconds of a time that it changes", () => {
  expect(clampTime({ seconds: LAST + 1, nanoseconds: 7 }).nanoseconds).toBe(0);
  expect(clampTime({ seconds: LAST, nanoseconds: 7 }).nanoseconds).toBe(7);
});

/** Decodes a time as the kernel does: signed 32 bits, plus the epoch bits. */
function read(low: number, extra: number): number {
  return (low | 0) + (extra % 4) * 2 ** 32;
}

test.each([-1, 0, -(2 ** 31), 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, LAST])(
  "extraOf(%d) is read as the same time",
  (seconds) => {
    const extra = extraOf({ seconds, nanoseconds: 999_999_999 });
    expect(read(((seconds % 2 ** 32) + 2 ** 32) % 2 ** 32, extra)).toBe(seconds);
    expect(Math.floor(extra / 4)).toBe(999_999_999);
    expect(extra).toBeLessThan(2 ** 32);
  },
);
