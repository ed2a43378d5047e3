import { expect, test } from "bun:test";
import { disabledChecks, isDisabled } from "../../src/health/greenboot.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";

test.each([
  ["no file", undefined, []],
  ["another setting", "GREENBOOT_MAX_BOOT_ATTEMPTS=3\n", []],
  ["an empty array", "DISABLED_HEALTHCHECKS=()\n", []],
  [
    "an array",
    'DISABLED_HEALTHCHECKS=("01_dns.sh" 02_watchdog.sh)\n',
    ["01_dns.sh", "02_watchdog.sh"],
  ],
  [
    "one over several lines",
    "DISABLED_HEALTHCHECKS=(\n  '1.sh'\n  # not 3.sh\n  2.sh\n)\n",
    ["1.sh", "2.sh"],
  ],
  ["a list in brackets", 'DISABLED_HEALTHCHECKS=["1.sh", "2.sh"]\n', ["1.sh", "2.sh"]],
  ["a comment", "#DISABLED_HEALTHCHECKS=(1.sh)\n", []],
  ["two, the last one", "DISABLED_HEALTHCHECKS=(1.sh)\nDISABLED_HEALTHCHECKS=(2.sh)\n", ["2.sh"]],
  ["one without an end", "DISABLED_HEALTHCHECKS=(1.sh\n", []],
])("disabledChecks() of %s", (...[, text, want]) => {
  const path = "/etc/greenboot/greenboot.conf";
  const files = memoryFiles(text === undefined ? {} : { [path]: text });
  expect([...disabledChecks({ ...memorySystem(), files })]).toEqual(want);
});

test.each([
  ["/usr/lib/greenboot/check/required.d/1.sh", true],
  ["/etc/greenboot/check/wanted.d/1.sh", true],
  ["/etc/greenboot/check/wanted.d/2.sh", false],
  ["/etc/greenboot/green.d/1.sh", false],
  ["/etc/tandem/required.d/1.sh", false],
])("isDisabled() of %s: %p", (path, want) => {
  expect(isDisabled(path, new Set(["1.sh"]))).toBe(want);
});
