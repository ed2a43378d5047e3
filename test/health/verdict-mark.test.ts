import { expect, test } from "bun:test";
import { hasVerdictMark, markVerdict } from "../../src/health/verdict-mark.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";

const BOOT = "/proc/sys/kernel/random/boot_id";

test("markVerdict() stores the id of the boot", () => {
  const files: Record<string, string> = { [BOOT]: "one\n" };
  const system = {
    ...memorySystem(),
    get files() {
      return memoryFiles(files);
    },
    replaceFile: (path: string, text: string) => void (files[path] = text),
  };
  expect(hasVerdictMark(system)).toBeFalse();
  markVerdict(system);
  expect(hasVerdictMark(system)).toBeTrue();
  files[BOOT] = "two\n";
  expect(hasVerdictMark(system)).toBeFalse();
});

test("without a boot id markVerdict() throws, and hasVerdictMark() is false", () => {
  expect(() => markVerdict(memorySystem())).toThrow("there is no /proc/sys/kernel/random/boot_id");
  expect(hasVerdictMark({ files: memoryFiles({}) })).toBeFalse();
});
