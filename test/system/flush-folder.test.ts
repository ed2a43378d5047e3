import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { flushFolder } from "../../src/system/flush-folder.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const open = (): number => readdirSync("/proc/self/fd").length;

// That it flushes is proved by the calls of the real binary: see test/oracle/durability.test.ts.
test("flushFolder() leaves nothing open", async () => {
  await using folder = await temporaryFolder();
  const before = open();
  flushFolder(folder.in("."));
  expect(open()).toBe(before);
});

test("flushFolder() of what is not there says so", async () => {
  await using folder = await temporaryFolder();
  expect(() => flushFolder(folder.in("none"))).toThrow("ENOENT");
});
