import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linuxFiles } from "../../src/system/files.ts";
import { run } from "../../src/system/run.ts";
import { until } from "../fakes/until.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-run-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
writeFileSync(at("text"), "text", { mode: 0o644 });

const shell = (script: string): string[] => ["sh", "-c", script];

test.each([
  ["true", "true", { status: 0, stdout: "", stderr: "" }],
  ["a status", "exit 3", { status: 3, stdout: "", stderr: "" }],
  ["both streams", "echo out; echo err >&2", { status: 0, stdout: "out\n", stderr: "err\n" }],
  ["death by a signal", "kill -9 $$", { status: 137, stdout: "", stderr: "" }],
  ["no input", "cat", { status: 0, stdout: "", stderr: "" }],
])("run() of %s", async (_, script, want) => {
  expect(await run(shell(script), { deadlineSeconds: 20 })).toEqual(want);
});

test("run() keeps the end of a long output", async () => {
  const script = "head -c 300000 /dev/zero | tr '\\0' x; echo end";
  const { status, stdout } = await run(shell(script), { deadlineSeconds: 20 });
  expect(status).toBe(0);
  expect(stdout).toHaveLength(65_536);
  expect(stdout).toEndWith("xxend\n");
});

test("run() passes arguments unchanged", async () => {
  const result = await run(["printf", "%s|", "a b", "$HOME", "*"], { deadlineSeconds: 20 });
  expect(result.stdout).toBe("a b|$HOME|*|");
});

test("run() rejects when the file is no program", async () => {
  await expect(run([at("none")], { deadlineSeconds: 1 })).rejects.toThrow("ENOENT");
  await expect(run([at("text")], { deadlineSeconds: 1 })).rejects.toThrow("EACCES");
});

test("run() ends a program at its deadline, with its children", async () => {
  const script = `sleep 1000 & echo $!; wait`;
  const { status, stdout } = await run(shell(script), { deadlineSeconds: 3 });
  expect(status).toBeUndefined();
  expect(stdout).toMatch(/^[1-9][0-9]*\n$/);
  await until(() => isGone(Number(stdout)));
});

test("run() leaves no children behind when a program ends early", async () => {
  const { status, stdout } = await run(shell("sleep 1000 & echo $!"), { deadlineSeconds: 30 });
  expect(status).toBe(0);
  await until(() => isGone(Number(stdout)));
});

test("run() does not wait for a child that left the group and holds the pipes", async () => {
  const ready = at("ready");
  const left = `echo $$; : > ${ready}; exec sleep 1000`;
  const script = `setsid sh -c '${left}' & until [ -e ${ready} ]; do sleep 0.02; done; echo done`;
  const { status, stdout } = await run(shell(script), { deadlineSeconds: 20 });
  process.kill(Number.parseInt(stdout, 10), "SIGKILL");
  expect(status).toBe(0);
  expect(stdout).toEndWith("done\n");
});

test("run() looks for programs in the given PATH, and in standard directories without one", async () => {
  writeFileSync(at("of-the-test"), "#!/bin/sh\necho $PATH $NAME\n", { mode: 0o755 });
  const environment = { PATH: folder, NAME: "x" };
  const own = await run(["of-the-test"], { deadlineSeconds: 20, environment });
  expect(own.stdout).toBe(`${folder} x\n`);
  const usual = await run(shell("echo $PATH"), { deadlineSeconds: 20, environment: {} });
  expect(usual.stdout).toBe("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
});

test("run() starts a program without tandem's descriptors, without a terminal, in the directory /", async () => {
  const script =
    "pwd; ls /proc/self/fd; read -r s </proc/$$/stat; set -- $s; echo $7; readlink /proc/self/fd/0";
  const { stdout } = await run(shell(script), { deadlineSeconds: 20 });
  // ls itself opens descriptor 3.
  expect(stdout.split(/\s+/)).toEqual(["/", "0", "1", "2", "3", "0", "/dev/null", ""]);
});

/** Whether the process has ended. A zombie counts as ended. */
function isGone(pid: number): boolean {
  const stat = linuxFiles.readText(`/proc/${pid}/stat`);
  return stat === undefined || / [ZX] /.test(stat);
}
