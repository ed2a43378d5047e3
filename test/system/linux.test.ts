import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linux } from "../../src/system/linux.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-linux-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
writeFileSync(at("program"), "#!/bin/sh\n", { mode: 0o755 });
writeFileSync(at("text"), "text", { mode: 0o644 });
symlinkSync("program", at("link"));
symlinkSync("nowhere", at("dangling"));

test.each([
  ["program", true],
  ["link", true],
  ["text", false],
  [".", false],
  ["none", false],
  ["dangling", false],
])("isExecutable() of %s is %p", (name, answer) => {
  expect(linux.isExecutable(at(name))).toBe(answer);
});

test("readLink() returns the target of a link, and undefined for other paths", () => {
  expect(linux.readLink(at("dangling"))).toBe("nowhere");
  expect(linux.readLink(at("text"))).toBeUndefined();
  expect(linux.readLink(at("none"))).toBeUndefined();
});

test("monotonicMs() advances as fast as timers", async () => {
  const startMs = linux.monotonicMs();
  await linux.probe.pause(0.02);
  expect(linux.monotonicMs() - startMs).toBeGreaterThanOrEqual(19);
});

test("absolute() resolves from the current directory", () => {
  expect(linux.absolute("a/../b")).toBe(join(process.cwd(), "b"));
  expect(linux.absolute("/a/./b")).toBe("/a/b");
});

test('lock() waits a moment, and then throws "locked"', async () => {
  const lock = await linux.lock(at("text"));
  await expect(linux.lock(at("text"))).rejects.toMatchObject({
    code: "locked",
    message: `Cannot lock ${at("text")}: another run is at work on it`,
  });
  // lock() made its first attempt before it returned the promise.
  const later = linux.lock(at("text"));
  lock.release();
  (await later).release();
});

test("lock() does not wait for a FIFO", async () => {
  Bun.spawnSync(["mkfifo", at("fifo")]);
  await expect(linux.lock(at("fifo"))).rejects.toMatchObject({
    code: "disk",
    message: `Cannot lock ${at("fifo")}: it is a FIFO, want a block device or a plain file`,
  });
});

test('lock() of a missing path throws "disk"', async () => {
  await expect(linux.lock(at("none"))).rejects.toMatchObject({ code: "disk" });
});
