import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { readKernelLog } from "../../src/system/kernel-log.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("readKernelLog() returns the time and the text of each record, without the lines about devices", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("kmsg");
  const records = [
    "5,0,0,-;Linux version 6.1",
    "6,1,5140900,-;sda: sda1 sda2",
    " SUBSYSTEM=block",
    " DEVICE=b8:0",
    "3,2,1234567890123,c;semicolons; are kept",
  ];
  writeFileSync(path, `${records.join("\n")}\n`);
  expect(readKernelLog(path).split("\n")).toEqual([
    "[    0.000000] Linux version 6.1",
    "[    5.140900] sda: sda1 sda2",
    "[1234567.890123] semicolons; are kept",
  ]);
});

test("readKernelLog() does not wait for the next message", async () => {
  await using folder = await temporaryFolder();
  await command("mkfifo", folder.in("kmsg"));
  // A FIFO without a writer ends at once when it is read without waiting; a reader that waits would hang when it opens
  // it.
  expect(readKernelLog(folder.in("kmsg"))).toBe("");
});

test("readKernelLog() throws where there is no log", () => {
  expect(() => readKernelLog("/nonexistent/kmsg")).toThrow("ENOENT");
});
