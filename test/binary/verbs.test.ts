/** The verbs on a disk-image file, as an ordinary user. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDiskFile } from "../fakes/disk-file.ts";
import { writeImage } from "../peers/image.ts";
import { tandem } from "../cli/tandem.ts";
import { initrdOf, kernelOf } from "../fakes/boot-files.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-verbs-"));
const disk = join(folder, "disk.img");
const layout = join(folder, "layout");
let digest = "";
beforeAll(async () => {
  await makeDiskFile(disk);
  const { manifest } = await writeImage(layout, {
    layers: [
      { tar: [{ path: "boot/vmlinuz", data: kernelOf("") }] },
      {
        tar: [
          { path: "boot/initrd", data: initrdOf("") },
          { path: "etc/os-release", data: "VERSION=4.2\n" },
        ],
      },
    ],
  });
  ({ digest } = manifest);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function result(...args: string[]): Promise<unknown> {
  const { status, stdout, stderr } = await tandem([...args, "--disk", disk, "--json"]);
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`);
  for (const line of stderr.split("\n").filter(Boolean)) expect(JSON.parse(line)).toBeObject();
  return JSON.parse(stdout);
}

const source = `oci-layout:${layout}`;

test("an upgrade from the plan to the rollback", async () => {
  const before = readFileSync(disk);
  const plan = await result("upgrade", "--source", source, "--dry-run");
  expect(plan).toMatchObject({ outcome: "planned", slot: "b", digest });
  expect(Buffer.compare(readFileSync(disk), before)).toBe(0);
  expect(await result("upgrade", "--source", source, "--tries=2", "--jobs=2")).toMatchObject({
    outcome: "upgraded",
    slot: "b",
    digest,
    version: "4.2",
    tries: 2,
  });
  expect(await result("status")).toMatchObject({
    record: { good: "a", trial: "b", tries: 2 },
    slots: [
      { slot: "a", role: "good", status: "unknown" },
      { slot: "b", role: "trial", status: "written", version: "4.2", digest },
    ],
  });
  expect(await result("verify", "b")).toMatchObject({ slot: "b", digest });
  expect(await result("upgrade", "--source", source)).toMatchObject({ outcome: "nothing" });
  expect(await result("rollback")).toMatchObject({ slot: "a", outcome: "withdrawn" });
  expect(await result("rollback", "--tries=4")).toMatchObject({ slot: "b", tries: 4 });
  expect(await result("mark", "bad", "b", "--reason", "it hung")).toMatchObject({ slot: "b" });
  const refused = await tandem(["upgrade", "--source", source, "--disk", disk]);
  expect(refused).toMatchObject({ status: 6, stdout: "" });
  expect(refused.stderr).toContain("it was rolled back: it hung\n  hint: Use --retry-bad");
  const { stdout } = await tandem(["status", "--disk", disk]);
  expect(stdout).toMatch(/^known bad sha256:[0-9a-f]{64}: it hung/m);
  expect(stdout).toMatch(/^ {2}\S+ {2}bad b: it hung$/m);
});

test.each([
  [["health"], 8, "Cannot mark the booted slot: this machine does not run from"],
  [["mark", "good"], 8, "Cannot mark the booted slot: this machine does not run from"],
  [["mark", "bad", "a"], 9, "Cannot mark slot a bad: no other slot has proven itself"],
  [["verify"], 8, "Cannot verify slot a: it was not written by tandem"],
])("tandem %p on a disk image ends with status %i", async (args, status, message) => {
  const path = join(folder, "other.img");
  await makeDiskFile(path);
  const ended = await tandem([...args, "--disk", path]);
  expect(ended).toMatchObject({ status, stdout: "" });
  expect(ended.stderr).toStartWith(`tandem: ${message}`);
});

test("tandem write makes a file", async () => {
  const target = join(folder, "root.img");
  const args = ["write", source, target, "--size", "8MiB", "--label=root"];
  const { status, stdout, stderr } = await tandem(args);
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^\S+root\.img holds sha256:[0-9a-f]{64}: \d+ inodes, .* of 8\.0 MiB used\n$/,
  );
  expect(stderr).toContain(`Writing ${source} to ${target} (8.0 MiB)`);
  expect(statSync(target).size).toBe(8 * 1024 * 1024);
  const again = await tandem(args);
  expect(again).toMatchObject({ status: 8, stdout: "" });
  expect(again.stderr).toContain("it holds an ext2, ext3 or ext4 file system\n  hint: ");
  expect(again.stderr).toContain("--force");
  const quiet = await tandem([...args, "--quiet", "--force"]);
  expect(quiet).toMatchObject({ status: 0, stderr: "" });
});
