/** Runs doctor on disks with two EFI system partitions, made by sgdisk and mkfs.vfat. */
import { expect, test } from "bun:test";
import { closeSync, openSync, readSync } from "node:fs";
import { truncate } from "node:fs/promises";
import { LABELS } from "../../src/slot/labels.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import { linux } from "../../src/system/linux.ts";
import { type Diagnosis, doctor } from "../../src/doctor/doctor.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const ESP_MIB = 33;
/** The first partition begins at 1 MiB. */
const startOf = (number: number): number => (1 + (number - 1) * ESP_MIB) * MiB;

async function partitioned(path: string): Promise<void> {
  await Bun.write(path, "");
  await truncate(path, 96 * MiB);
  const parts = [
    ["1:2048:+33M", "Other ESP", "ef00"],
    ["2:0:+33M", "EFI system", "ef00"],
    ["3:0:+1M", "tandem-control", "8300"],
    ["4:0:+8M", "tandem-a", "8300"],
    ["5:0:+8M", "tandem-b", "8300"],
  ].flatMap(([place = "", label = "", type = ""], index) => [
    `--new=${place}`,
    `--change-name=${index + 1}:${label}`,
    `--typecode=${index + 1}:${type}`,
  ]);
  await command("sgdisk", "--clear", ...parts, path);
}

/** Installs systemd-boot with this loader.conf. */
async function addLoader(disk: string, number: number, conf: string): Promise<void> {
  const text = `${disk}.conf`;
  await Bun.write(text, conf);
  const at = ["-i", `${disk}@@${startOf(number)}`];
  const sectors = `--offset=${startOf(number) / 512}`;
  await command("mkfs.vfat", "-F", "32", "-s", "1", sectors, disk, `${ESP_MIB * 1024}`);
  await command("mmd", ...at, "::/EFI", "::/EFI/systemd", "::/loader");
  await command("mcopy", ...at, text, "::/EFI/systemd/systemd-bootx64.efi");
  await command("mcopy", ...at, text, "::/loader/loader.conf");
}

function bytesOf(disk: string, number: number): Buffer {
  const bytes = Buffer.alloc(ESP_MIB * MiB);
  const fd = openSync(disk, "r");
  readSync(fd, bytes, 0, bytes.byteLength, startOf(number));
  closeSync(fd);
  return bytes;
}

function fix(disk: string, esp?: string): Promise<Diagnosis> {
  const work = { system: linux, talk: SILENT, signal: new AbortController().signal };
  const labels = { ...LABELS, esp };
  return doctor(work, { disk, labels }, { fix: true, verify: false });
}

const about = ({ findings }: Diagnosis, subject: string) =>
  findings.filter((finding) => finding.subject === subject).map(({ text }) => text);

test("doctor uses the ESP with tandem's files, and repairs only this one", async () => {
  await using folder = await temporaryFolder();
  const disk = folder.in("disk.img");
  await partitioned(disk);
  await addLoader(disk, 1, "default fedora*\n");
  await addLoader(disk, 2, "timeout 0\n");
  await command("mmd", "-i", `${disk}@@${startOf(2)}`, "::/tandem", "::/tandem/a");
  const before = [bytesOf(disk, 1), bytesOf(disk, 2)];
  const diagnosis = await fix(disk);
  expect(diagnosis).toMatchObject({
    repaired: ["correct /loader/loader.conf: default tandem-*"],
    failed: [],
  });
  expect(about(diagnosis, "EFI system partition")).toEqual([
    expect.stringMatching(
      /^EFI system on .* is readable; partition 2, not partition 1: it has \/tandem\/a, "default tandem-/,
    ),
  ]);
  expect(bytesOf(disk, 1).equals(before[0] ?? expect.unreachable())).toBe(true);
  expect(bytesOf(disk, 2).equals(before[1] ?? expect.unreachable())).toBe(false);
  const conf = await command("mtype", "-i", `${disk}@@${startOf(2)}`, "::/loader/loader.conf");
  expect(conf).toContain("default tandem-*");
});

test("doctor works where the first ESP has no file system", async () => {
  await using folder = await temporaryFolder();
  const disk = folder.in("disk.img");
  await partitioned(disk);
  await addLoader(disk, 2, "default tandem-*\n");
  const diagnosis = await fix(disk);
  expect(about(diagnosis, "boot loader")).toEqual([expect.stringContaining("systemd-boot")]);
  expect(about(diagnosis, "EFI system partition")).toEqual([
    expect.stringContaining(
      'partition 2, not partition 1: it has "default tandem-*" in /loader/loader.conf',
    ),
  ]);
  expect(bytesOf(disk, 1).every((byte) => byte === 0)).toBe(true);
});

test("doctor changes nothing when both could be meant, and uses the configured label", async () => {
  await using folder = await temporaryFolder();
  const disk = folder.in("disk.img");
  await partitioned(disk);
  await addLoader(disk, 1, "default fedora*\n");
  await addLoader(disk, 2, "timeout 0\n");
  const before = [bytesOf(disk, 1), bytesOf(disk, 2)];
  const refused = await fix(disk);
  expect(refused).toMatchObject({ repaired: [], failed: [] });
  expect(refused.findings).toContainEqual(
    expect.objectContaining({
      verdict: "bad",
      code: "boot",
      text: expect.stringMatching(/partition 1 "Other ESP": .*; partition 2 "EFI system": /),
      advice: "Name its partition label in the configuration: labels: { esp: LABEL }.",
    }),
  );
  expect(bytesOf(disk, 2).equals(before[1] ?? expect.unreachable())).toBe(true);
  const named = await fix(disk, "EFI system");
  expect(named.repaired).toEqual(["correct /loader/loader.conf: default tandem-*"]);
  expect(bytesOf(disk, 1).equals(before[0] ?? expect.unreachable())).toBe(true);
});
