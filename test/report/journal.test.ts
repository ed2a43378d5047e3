import { expect, test } from "bun:test";
import { journalPart } from "../../src/report/journal.ts";
import type { CommandResult } from "../../src/system/system.ts";
import { collected } from "./collected.ts";

const ended = (result: Partial<CommandResult>): { run: () => Promise<CommandResult> } => ({
  run: () => Promise.resolve({ status: 0, stdout: "", stderr: "", ...result }),
});

test("journalctl gives the last lines of tandem's units, within a deadline", async () => {
  const calls: [readonly string[], number][] = [];
  const run = (
    words: readonly string[],
    { deadlineSeconds }: { readonly deadlineSeconds: number },
  ): Promise<CommandResult> => {
    calls.push([words, deadlineSeconds]);
    return Promise.resolve({ status: 0, stdout: "line\n", stderr: "" });
  };
  const { texts, missing } = await collected([journalPart({ run })]);
  expect({ texts, missing }).toEqual({ texts: { "journal.txt": "line\n" }, missing: [] });
  const [words, seconds] = calls[0] ?? [[], 0];
  expect(words).toContain("--unit=tandem-*");
  expect(words).toContain("--lines=2000");
  expect(seconds).toBe(20);
});

test.each([
  [
    "it cannot be run",
    { run: () => Promise.reject(new Error("there is no journalctl")) },
    "there is no journalctl",
  ],
  ["it hangs", ended({ status: undefined }), "it did not end within 20 s"],
  [
    "it fails",
    ended({ status: 1, stderr: "no journal\nno units\n" }),
    "it ended with status 1: no journal, no units",
  ],
])("the part is missing when %s", async (_, system, why) => {
  const { texts, missing } = await collected([journalPart(system)]);
  expect(texts).toEqual({});
  expect(missing).toEqual([`journal: Cannot read the journal with journalctl: ${why}`]);
});
