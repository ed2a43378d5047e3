import { expect, test } from "bun:test";
import type { Check } from "../../src/health/check.ts";
import { programChecks } from "../../src/health/programs.ts";
import { SILENT } from "../../src/lib/talk.ts";
import type { CommandResult } from "../../src/system/system.ts";
import { memoryFiles } from "../fakes/files.ts";
import { checkedSystem, FAILED, LATE, PASSED } from "../fakes/checks.ts";

const FOLDERS = {
  required: [
    "/usr/lib/tandem/required.d",
    "/etc/tandem/required.d",
    "/usr/lib/greenboot/check/required.d",
  ],
  wanted: ["/etc/tandem/wanted.d"],
};

function found(paths: readonly string[]): string[] {
  const system = checkedSystem(Object.fromEntries(paths.map((path) => [path, PASSED])));
  return programChecks(system, FOLDERS, SILENT).map(
    ({ name, required }) => `${required ? "" : "wanted "}${name}`,
  );
}

test("programChecks() goes folder by folder, in the order of their names", () => {
  const paths = [
    "/etc/tandem/wanted.d/1",
    "/etc/tandem/required.d/20-b",
    "/etc/tandem/required.d/10-a",
    "/etc/tandem/required.d/readme.txt",
    "/usr/lib/greenboot/check/required.d/01.sh",
    "/usr/lib/tandem/required.d/90",
    "/other/1",
  ];
  expect(found(paths)).toEqual([
    "/usr/lib/tandem/required.d/90",
    "/etc/tandem/required.d/10-a",
    "/etc/tandem/required.d/20-b",
    "/usr/lib/greenboot/check/required.d/01.sh",
    "wanted /etc/tandem/wanted.d/1",
  ]);
});

test.each([
  [
    "the same name below /etc",
    ["/usr/lib/tandem/required.d/1", "/etc/tandem/required.d/1"],
    ["/etc/tandem/required.d/1"],
  ],
  ["a mask", ["/usr/lib/tandem/required.d/1.txt", "/etc/tandem/required.d/1.txt"], []],
  [
    "nothing of another program",
    ["/usr/lib/greenboot/check/required.d/1", "/etc/tandem/required.d/1"],
    ["/etc/tandem/required.d/1", "/usr/lib/greenboot/check/required.d/1"],
  ],
  [
    "nothing of another kind",
    ["/usr/lib/tandem/required.d/1", "/etc/tandem/wanted.d/1"],
    ["/usr/lib/tandem/required.d/1", "wanted /etc/tandem/wanted.d/1"],
  ],
])("programChecks() replaces a check by %s", (...[, paths, want]) => {
  expect(found(paths)).toEqual(want);
});

test("programChecks() leaves out a check that is masked below /etc, and warns of one that is not executable", () => {
  const messages: string[] = [];
  const usr = "/usr/lib/tandem/required.d/1.sh";
  const etc = "/etc/tandem/required.d/1.sh";
  const plain = "/etc/tandem/required.d/2.sh";
  const system = {
    ...checkedSystem({ [usr]: PASSED, [etc]: PASSED, [plain]: PASSED }),
    isExecutable: (path: string) => path === usr,
    readLink: (path: string) => (path === etc ? "/dev/null" : undefined),
  };
  const talk = { ...SILENT, warn: (text: string) => void messages.push(text) };
  expect(programChecks(system, FOLDERS, talk)).toEqual([]);
  expect(messages).toEqual([`Check ${plain} is not executable and is left out, continuing`]);
});

test("programChecks() leaves out the checks in greenboot's folders that greenboot's configuration disables", () => {
  const messages: string[] = [];
  const paths = ["/usr/lib/greenboot/check/required.d/1.sh", "/etc/tandem/required.d/1.sh"];
  const checks = checkedSystem(Object.fromEntries(paths.map((path) => [path, PASSED])));
  const files = memoryFiles({
    ...Object.fromEntries(paths.map((path) => [path, ""])),
    "/etc/greenboot/greenboot.conf": "DISABLED_HEALTHCHECKS=(1.sh)",
  });
  const talk = { ...SILENT, info: (text: string) => void messages.push(text) };
  const kept = programChecks({ ...checks, files }, FOLDERS, talk);
  expect(kept.map(({ name }) => name)).toEqual(["/etc/tandem/required.d/1.sh"]);
  expect(messages).toEqual([`Check ${paths[0]} is left out: greenboot.conf disables it`]);
});

function only(result: CommandResult | Error): Check {
  const path = "/etc/tandem/required.d/x";
  const [check] = programChecks(checkedSystem({ [path]: result }), FOLDERS, SILENT);
  if (check === undefined) throw new Error("no check");
  return check;
}

test.each([
  ["passes", PASSED, undefined, "fine"],
  ["fails", FAILED, "ended with status 3", "no network"],
  ["dies", { status: 139, stdout: "", stderr: "" }, "ended with status 139", ""],
  ["is late", LATE, "did not end within 60 s", ""],
  ["is no program", new Error("ENOEXEC"), "could not be run: ENOEXEC", ""],
])("programChecks(): a program that %s", async (...[, result, failure, output]) => {
  expect(await only(result).run(60)).toEqual({ failure, output });
});

test("programChecks() keeps the end of a program's long output", async () => {
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`).join("\n");
  const { output } = await only({ status: 1, stdout: "", stderr: `${lines}\n\n` }).run(1);
  expect(output.split("\n")).toHaveLength(20);
  expect(output).toEndWith("line 49");
});
