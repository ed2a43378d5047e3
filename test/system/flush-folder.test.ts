import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { flushFolder } from "../../src/system/flush-folder.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const open = (): number => readdirSync("/proc/self/fd").length;

// test/oracle/durability.test.ts proves the flush with the system calls of the real binary.
test("flushFolder() leaves no descriptor open", async () => {
  await using folder = await temporaryFolder();
  const before = open();
  flushFolder(folder.in("."));
  expect(open()).toBe(before);
});

test("flushFolder() throws for a missing folder", async () => {
  await using folder = await temporaryFolder();
  expect(() => flushFolder(folder.in("none"))).toThrow("ENOENT");
});
