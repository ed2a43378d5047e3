/** The report of the built binary in an empty environment, as nobody: good disks, a broken disk, no disk. GNU tar reads it. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, truncateSync } from "node:fs";
import { makeDisk } from "../../scripts/disk.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import { MiB } from "../../src/lib/units.ts";
import { command } from "../peers/command.ts";
import { writeImage } from "../peers/image.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { appliance, ended, forgetTemplate, type Run, spawn, systemMembers } from "./appliance.ts";

afterAll(forgetTemplate);

interface Reported {
  readonly run: Run;
  readonly parts: readonly string[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  /** Path in the bundle → text. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Makes a report as the user nobody in an empty environment, and unpacks it. */
async function report(folder: TemporaryFolder, ...words: readonly string[]): Promise<Reported> {
  const out = folder.in("out");
  mkdirSync(out);
  chmodSync(folder.path, 0o755);
  chmodSync(out, 0o777);
  const archive = `${out}/report.tar.gz`;
  const line = ["report", archive, "--json", ...words];
  const run = await ended(spawn(line, { variables: {} }));
  if (run.status !== 0) throw new Error(`status ${run.status}: ${run.stderr}`);
  const { parts, missing } = JSON.parse(run.stdout) as Omit<Reported, "run" | "texts">;
  await command("tar", "xzf", archive, "-C", out, "--strip-components=1");
  const listed = (await command("tar", "tzf", archive)).trim().split("\n");
  const paths = listed.map((path) => path.slice(path.indexOf("/") + 1));
  const texts = new Map(paths.map((path) => [path, readFileSync(`${out}/${path}`, "utf8")]));
  return { run, parts, missing, texts };
}

const OF_A_DISK = "status why doctor control partition-table esp".split(" ");
const OF_THE_REST = "version config cmdline mountinfo partitions kernel pstore".split(" ");

test("on a good disk with GRUB no part of the disk is missing, and the disk is not changed", async () => {
  await using machine = await appliance();
  const before = readFileSync(machine.disk);
  const { parts, missing, texts } = await report(machine.folder, "--disk", machine.disk);
  expect(parts).toEqual(expect.arrayContaining([...OF_A_DISK, ...OF_THE_REST]));
  expect(missing.filter(({ name }) => OF_A_DISK.includes(name))).toEqual([]);
  expect(texts.get("status.txt")).toContain("slot a    good, written: 1\n");
  expect(texts.get("esp-1/tandem/grub.cfg")).toContain("load_env");
  expect(texts.get("version.txt")).toMatch(/^tandem \d.*\nbun {4}\S+\nlibc/);
  expect(texts.get("missing.txt")?.split("\n").filter(Boolean).length).toBe(missing.length);
  expect(Buffer.compare(readFileSync(machine.disk), before)).toBe(0);
});

test("on a good disk with systemd-boot the report has the entries", async () => {
  await using folder = await temporaryFolder();
  const layout = folder.in("layout");
  await writeImage(layout, { tag: "1", layers: [{ tar: systemMembers("1") }] });
  const path = folder.in("disk.img");
  const disk = makeDisk({ path, slotBytes: 16 * MiB, loader: "systemd-boot" });
  await installFirst(disk, { source: `oci-layout:${layout}:1` });
  if (process.getuid?.() === 0) chownSync(path, 65534, 65534);
  const { parts, texts } = await report(folder, "--disk", path);
  expect(parts).toEqual(expect.arrayContaining(OF_A_DISK));
  expect(texts.get("esp-1/loader/loader.conf")).toContain("default tandem-*");
  const entries = [...texts].filter(([name]) => name.startsWith("esp-1/loader/entries/"));
  expect(entries.map(([, text]) => text)).toEqual([expect.stringMatching(/^linux \/tandem\/a\//m)]);
  expect(texts.get("esp-1.txt")).toMatch(/^\/tandem\/a\/initrd-[0-9a-f]{12} \d+$/m);
});

test("on a disk without a valid partition table the report has the other parts", async () => {
  await using machine = await appliance();
  // The backup of the table is gone with the end of the disk, and the primary names partitions that are not there.
  truncateSync(machine.disk, 8 * MiB);
  const { parts, missing } = await report(machine.folder, "--disk", machine.disk);
  expect(parts).toEqual(expect.arrayContaining(["doctor", "partition-table", ...OF_THE_REST]));
  expect(missing.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["status", "why", "control", "esp"]),
  );
  for (const { reason } of missing) expect(reason).toMatch(/^Cannot \S+ .+/);
});

test("without a disk the parts of a disk are missing, each with its reason", async () => {
  await using folder = await temporaryFolder();
  const { parts, missing, texts } = await report(folder, "--disk", "/none");
  expect(parts).toEqual(expect.arrayContaining(OF_THE_REST));
  expect(missing.map(({ name }) => name)).toEqual(expect.arrayContaining(OF_A_DISK));
  expect(texts.get("missing.txt")).toMatch(/^status: Cannot open \/none: ENOENT/m);
});
