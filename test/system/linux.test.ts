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

const shell = (script: string): string[] => ["sh", "-c", script];

test.each([
  ["true", "true", { status: 0, output: "" }],
  ["a status", "exit 3", { status: 3, output: "" }],
  ["both streams", "echo out; echo err >&2", { status: 0, output: "out\nerr\n" }],
  ["death by a signal", "kill -9 $$", { status: 137, output: "" }],
  ["no input", "cat", { status: 0, output: "" }],
])("run() of %s", async (_, script, want) => {
  expect(await linux.run(shell(script), { deadlineSeconds: 20 })).toEqual(want);
});

test("run() keeps the end of what is printed", async () => {
  const script = "head -c 300000 /dev/zero | tr '\\0' x; echo end";
  const { status, output } = await linux.run(shell(script), { deadlineSeconds: 20 });
  expect(status).toBe(0);
  expect(output).toHaveLength(65_536);
  expect(output).toEndWith("xxend\n");
});

test("run() passes words on as they are", async () => {
  const result = await linux.run(["printf", "%s|", "a b", "$HOME", "*"], { deadlineSeconds: 20 });
  expect(result.output).toBe("a b|$HOME|*|");
});

test("run() of what is no program rejects", async () => {
  await expect(linux.run([at("none")], { deadlineSeconds: 1 })).rejects.toThrow("ENOENT");
  await expect(linux.run([at("text")], { deadlineSeconds: 1 })).rejects.toThrow("EACCES");
});

test("run() ends a program at its deadline, with its children", async () => {
  const script = `sleep 60 & echo $!; wait`;
  const startMs = performance.now();
  const { status, output } = await linux.run(shell(script), { deadlineSeconds: 3 });
  expect(status).toBeUndefined();
  expect(output).toMatch(/^[1-9][0-9]*\n$/);
  expect(performance.now() - startMs).toBeLessThan(20_000);
  expect(await isGone(Number(output))).toBe(true);
});

test("run() leaves no children behind when a program ends early", async () => {
  const { status, output } = await linux.run(shell("sleep 60 & echo $!"), { deadlineSeconds: 30 });
  expect(status).toBe(0);
  expect(await isGone(Number(output))).toBe(true);
});

test("run() does not wait for a child that left the group and holds the pipes", async () => {
  const startMs = performance.now();
  const ready = at("ready");
  const left = `echo $$; : > ${ready}; exec sleep 30`;
  const script = `setsid sh -c '${left}' & until [ -e ${ready} ]; do sleep 0.02; done; echo done`;
  const { status, output } = await linux.run(shell(script), { deadlineSeconds: 20 });
  process.kill(Number.parseInt(output, 10), "SIGKILL");
  expect(status).toBe(0);
  expect(output).toEndWith("done\n");
  expect(performance.now() - startMs).toBeLessThan(15_000);
});

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

test("readLink() gives the text of a link, and of nothing else", () => {
  expect(linux.readLink(at("dangling"))).toBe("nowhere");
  expect(linux.readLink(at("text"))).toBeUndefined();
  expect(linux.readLink(at("none"))).toBeUndefined();
});

test("monotonicMs() goes forward, at the pace of timers", async () => {
  const startMs = linux.monotonicMs();
  await linux.probe.pause(0.02);
  expect(linux.monotonicMs() - startMs).toBeGreaterThanOrEqual(19);
});

test("absolute() is seen from the current directory", () => {
  expect(linux.absolute("a/../b")).toBe(join(process.cwd(), "b"));
  expect(linux.absolute("/a/./b")).toBe("/a/b");
});

test("lock() waits a moment, and then says who is in the way", async () => {
  const lock = await linux.lock(at("text"));
  await expect(linux.lock(at("text"))).rejects.toMatchObject({
    code: "locked",
    message: `Cannot lock ${at("text")}: another run is at work on it`,
  });
  const later = linux.lock(at("text"));
  await Bun.sleep(150);
  lock.release();
  (await later).release();
});

test("lock() of what is not there is a matter of the disk", async () => {
  await expect(linux.lock(at("none"))).rejects.toMatchObject({ code: "disk" });
});

/** Whether the process has ended; one that nobody has asked for yet counts as ended. */
async function isGone(pid: number): Promise<boolean> {
  for (let waits = 0; waits < 500; waits += 1) {
    const stat = linux.files.readText(`/proc/${pid}/stat`);
    if (stat === undefined || / [ZX] /.test(stat)) return true;
    await Bun.sleep(20);
  }
  return false;
}
