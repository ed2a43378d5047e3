import { expect, test } from "bun:test";
import { hasBootMark, markBoot } from "../../src/health/boot-mark.ts";
import { hasCountedMark, markCounted } from "../../src/health/counted-mark.ts";
import { hasVerdictMark } from "../../src/health/verdict-mark.ts";
import { isCounted } from "../../src/health/watchdog.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";

const BOOT = "/proc/sys/kernel/random/boot_id";

function machine() {
  const files: Record<string, string> = { [BOOT]: "one\n" };
  const system = {
    ...memorySystem(),
    get files() {
      return memoryFiles(files);
    },
    replaceFile: (path: string, text: string) => void (files[path] = text),
  };
  return { files, system };
}

test("a mark counts in its boot alone", () => {
  const { files, system } = machine();
  expect(hasBootMark(system, "/run/one")).toBeFalse();
  markBoot(system, "/run/one");
  expect([hasBootMark(system, "/run/one"), hasBootMark(system, "/run/two")]).toEqual([true, false]);
  files[BOOT] = "two\n";
  expect(hasBootMark(system, "/run/one")).toBeFalse();
});

test("a boot with the mark is counted, and has no verdict by that", () => {
  const { system } = machine();
  expect(isCounted(system)).toBeFalse();
  markCounted(system);
  expect([hasCountedMark(system), isCounted(system), hasVerdictMark(system)]).toEqual([
    true,
    true,
    false,
  ]);
});
