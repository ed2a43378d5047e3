/** What the built binary prints with --json matches schema/*.json. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initrdOf, kernelOf } from "../fakes/boot-files.ts";
import { makeDiskFile } from "../fakes/disk-file.ts";
import { faults, readSchema } from "../fakes/json-schema.ts";
import { writeImage } from "../peers/image.ts";
import { tandem } from "./appliance.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-schema-"));
const disk = join(folder, "disk.img");
const source = `oci-layout:${join(folder, "layout")}`;
beforeAll(async () => {
  await makeDiskFile(disk);
  const tar = [
    { path: "boot/vmlinuz", data: kernelOf("") },
    { path: "boot/initrd", data: initrdOf("") },
  ];
  await writeImage(join(folder, "layout"), { layers: [{ tar }] });
  // The binary runs as nobody.
  chmodSync(folder, 0o777);
  chmodSync(disk, 0o666);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** They run one after another on one disk. */
const LINES: readonly (readonly string[])[] = [
  ["status"],
  ["why"],
  ["upgrade", "--source", source, "--dry-run"],
  ["upgrade", "--source", source],
  ["upgrade", "--source", source],
  ["status"],
  ["verify", "b"],
  ["rollback"],
  ["rollback", "--to", "b"],
  ["mark", "bad", "b", "--reason", "it hung"],
  ["status"],
  ["why"],
  ["write", source, join(folder, "root.img"), "--size", "8MiB"],
  ["config"],
  ["version"],
  ["doctor"],
  ["report", join(folder, "report.tar.gz")],
  ["hooks", "list"],
  ["hooks", "print", "systemd"],
  ["hooks", "install", "init", "--root", folder],
];

test("results and messages of the verbs match their schemas", async () => {
  const talk = readSchema("talk.json");
  for (const line of LINES) {
    const { stdout, stderr } = await tandem(...line, "--json", "--disk", disk);
    expect([line[0], faults(readSchema(`${line[0]}.json`), JSON.parse(stdout))]).toEqual([
      line[0],
      [],
    ]);
    for (const said of stderr.split("\n").filter(Boolean))
      expect(faults(talk, JSON.parse(said))).toEqual([]);
  }
  expect(existsSync(join(folder, "root.img"))).toBe(true);
});

test("an error matches its schema", async () => {
  const { stderr } = await tandem("verify", "b", "--json", "--disk", "/none");
  const lines = stderr.split("\n").filter(Boolean);
  expect(lines).not.toBeEmpty();
  for (const line of lines) expect(faults(readSchema("talk.json"), JSON.parse(line))).toEqual([]);
});
