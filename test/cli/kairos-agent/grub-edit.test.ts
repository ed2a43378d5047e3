import { expect, test } from "bun:test";
import { grubEdit } from "../../../src/cli/kairos-agent/grub-edit.ts";
import { parseLine } from "../../../src/cli/kairos-agent/line.ts";
import { agentMachine, words } from "./machine.ts";

const env = (text: string): string => `# GRUB Environment Block\n${text}`.padEnd(1024, "#");
const START = "1970-01-01T00:00:01Z";

function run(line: string, files: Record<string, string> = {}) {
  const machine = agentMachine({ files });
  const answer = grubEdit(machine, parseLine(words(line)));
  const after = (path: string): string => machine.system.files.readText(path) ?? "";
  return { answer, after };
}

test("grubedit set changes one variable and keeps the others", () => {
  const { answer, after } = run("grubedit set saved_entry=fallback", {
    "/oem/grubenv": env("extra_cmdline=quiet\nsaved_entry=cos\n"),
  });
  expect(answer).toMatchObject({
    stdout: `${START} INF Set grub variable saved_entry=fallback in /oem/grubenv\n`,
    status: 0,
  });
  expect(after("/oem/grubenv")).toBe(env("extra_cmdline=quiet\nsaved_entry=fallback\n"));
});

test("grubedit set makes a file, and keeps further equals signs", () => {
  const { answer, after } = run("grubedit --grub-file /x/env set extra_cmdline=a=b");
  expect(answer).toMatchObject({ status: 0 });
  expect(after("/x/env")).toBe(env("extra_cmdline=a=b\n"));
});

test("grubedit set with an empty value removes the variable", () => {
  const { answer, after } = run("grubedit set a=", { "/oem/grubenv": env("a=1\nb=2\n") });
  expect(answer).toMatchObject({
    stdout: `${START} INF Removed grub variable a from /oem/grubenv\n`,
  });
  expect(after("/oem/grubenv")).toBe(env("b=2\n"));
});

test.each([
  [
    "grubedit",
    { "/oem/grubenv": env("next_entry=cos\na=1\n") },
    `${START} INF Grub variables found in /oem/grubenv:\nnext_entry = cos\na          = 1\n\n`,
  ],
  [
    "grubedit",
    { "/oem/grubenv": env("") },
    `${START} INF No grub variables found in /oem/grubenv\n`,
  ],
  ["grubedit --grub-file=/no", {}, `${START} INF No file /no found\n`],
] as const)("%s lists the variables", (line, files, stdout) => {
  expect(run(line, files).answer).toMatchObject({ stdout, status: 0 });
});

test.each([
  ["grubedit set", {}, "File and key=value arguments missing\n"],
  ["grubedit set a=1 b=2", {}, "File and key=value arguments missing\n"],
  ["grubedit set a", {}, "key=value argument must be in the format KEY=VALUE\n"],
  ["grubedit", { "/oem/grubenv": "x".repeat(1024) }, "Cannot read /oem/grubenv"],
  ["grubedit set a=1", { "/oem/grubenv": "x".repeat(1024) }, "Cannot read /oem/grubenv"],
] as const)("%s fails", (line, files, text) => {
  const { answer } = run(line, files);
  expect(answer).toMatchObject({ status: 1, stdout: expect.stringContaining(text) });
});
