/** Reads partition tables that sgdisk has made, damaged or moved. */
import { expect, test } from "bun:test";
import { truncate } from "node:fs/promises";
import { ESP_TYPE_GUID, findPartition, readGpt, type Gpt } from "../../src/disk/gpt.ts";
import { MiB } from "../../src/lib/units.ts";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const DISK_GUID = "00112233-4455-6677-8899-aabbccddeeff";
const SLOT_GUID = "0fc63daf-8483-4772-8e79-0123456789ab";

async function partitioned(path: string): Promise<void> {
  await Bun.write(path, "");
  await truncate(path, 64 * MiB);
  await command(
    "sgdisk",
    "--clear",
    `--disk-guid=${DISK_GUID}`,
    "--new=1:2048:+2M",
    "--typecode=1:ef00",
    "--change-name=1:EFI system",
    "--new=3:0:+1M",
    "--change-name=3:tandem-control",
    "--new=7:0:+20M",
    "--change-name=7:tandem-ä€",
    `--partition-guid=7:${SLOT_GUID}`,
    "--new=128:0:0",
    `--change-name=128:${"n".repeat(36)}`,
    path,
  );
}

function read(path: string): Gpt {
  const disk = openBlockFile(path, { write: false });
  try {
    return readGpt(disk);
  } finally {
    disk.close();
  }
}

async function damage(path: string, offsetBytes: number): Promise<void> {
  const disk = openBlockFile(path, { write: true });
  disk.write(offsetBytes, new Uint8Array(64).fill(0xa5));
  await disk.flush();
  disk.close();
}

test("readGpt() reads what sgdisk made", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("disk.img");
  await partitioned(path);
  const gpt = read(path);
  expect(gpt).toMatchObject({ diskGuid: DISK_GUID, sectorBytes: 512, from: "primary" });
  expect(gpt.partitions.map(({ number, label }) => [number, label])).toEqual([
    [1, "EFI system"],
    [3, "tandem-control"],
    [7, "tandem-ä€"],
    [128, "n".repeat(36)],
  ]);
  expect(findPartition(gpt, "EFI system")).toMatchObject({
    typeGuid: ESP_TYPE_GUID,
    offsetBytes: MiB,
    sizeBytes: 2 * MiB,
  });
  expect(findPartition(gpt, "tandem-ä€")).toMatchObject({ uuid: SLOT_GUID, sizeBytes: 20 * MiB });
  const info = await command("sgdisk", "--info=128", path);
  const [, first, last] = /First sector: (\d+)[^]*Last sector: (\d+)/.exec(info) ?? [];
  const partition = findPartition(gpt, "n".repeat(36));
  expect(partition?.offsetBytes).toBe(Number(first) * 512);
  expect(partition?.sizeBytes).toBe((Number(last) - Number(first) + 1) * 512);
  expect(info.toLowerCase()).toContain(partition?.uuid ?? "no partition");
});

test.each([
  ["header", 512 + 16],
  ["entries", 1024 + 128],
])("a broken primary %s leads to the backup, and sgdisk's repair back", async (_, offsetBytes) => {
  await using folder = await temporaryFolder();
  const path = folder.in("disk.img");
  await partitioned(path);
  const before = read(path);
  await damage(path, offsetBytes);
  const backup = read(path);
  expect(backup.from).toBe("backup");
  expect(backup.partitions).toEqual(before.partitions);
  await command("sgdisk", "--set-alignment=1", "--move-second-header", path);
  expect(read(path)).toEqual(before);
});

test("readGpt() throws when both tables are broken, and sgdisk finds none either", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("disk.img");
  await partitioned(path);
  await damage(path, 512);
  await damage(path, 64 * MiB - 512);
  expect(() => read(path)).toThrow(/primary: no "EFI PART".*; backup: no "EFI PART"/);
  expect(await command("sh", "-c", `sgdisk --verify '${path}' 2>&1; true`)).toContain(
    "Creating new GPT entries",
  );
});
