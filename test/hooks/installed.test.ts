import { expect, test } from "bun:test";
import { installedHook } from "../../src/hooks/installed.ts";

test.each(["/etc/systemd/system/tandem-health.service", "/etc/init.d/tandem-health"])(
  "%s gives verdicts",
  (path) => {
    expect(installedHook({ exists: (one) => one === path })).toBe(path);
  },
);

test("without a hook nothing gives verdicts", () => {
  expect(installedHook({ exists: () => false })).toBeUndefined();
});
