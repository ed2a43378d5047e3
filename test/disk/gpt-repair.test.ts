import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readGpt } from "../../src/disk/gpt.ts";
import { gptProblems, restoreGpt } from "../../src/disk/gpt-repair.ts";
import { restoreProtectiveMbr } from "../../src/disk/mbr.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { rejection } from "../fakes/source.ts";
import { gptImage, type TableSetup } from "./gpt-image.ts";

const PARTITIONS = [
  { label: "tandem-control", firstLba: 2048, lastLba: 4095 },
  { label: "tandem-a", firstLba: 4096, lastLba: 6143 },
];
const SECTORS = [512, 4096] as const;

/** A valid disk: both tables and the protective MBR. */
async function sound(setup: Partial<TableSetup> = {}): Promise<PagedImage> {
  const image = gptImage({ partitions: PARTITIONS, ...setup });
  await restoreProtectiveMbr(image.file());
  return image;
}

function wipe(image: PagedImage, lba: number, sectorBytes: number): PagedImage {
  const wiped = image.fork();
  wiped.write(lba * sectorBytes, new Uint8Array(sectorBytes));
  return wiped;
}

test("gptProblems() of a valid disk is empty", async () => {
  expect(gptProblems((await sound()).file())).toEqual({
    primary: undefined,
    backup: undefined,
    protectiveMbr: undefined,
  });
});

for (const sectorBytes of SECTORS)
  for (const which of ["primary", "backup"] as const)
    test(`restoreGpt() restores the ${which} table from the other, with sectors of ${sectorBytes} bytes`, async () => {
      const scale = sectorBytes / 512;
      const partitions = PARTITIONS.map(({ label, firstLba, lastLba }) => ({
        label,
        firstLba: firstLba / scale,
        lastLba: (lastLba + 1) / scale - 1,
      }));
      const whole = await sound({ sectorBytes, partitions });
      const lastLba = whole.sizeBytes / sectorBytes - 1;
      // The header, then the entries.
      for (const lba of which === "primary" ? [1, 2] : [lastLba]) {
        const broken = wipe(whole, lba, sectorBytes);
        expect(gptProblems(broken.file())[which]).toBeDefined();
        await restoreGpt(broken.file(), which);
        expect(Bun.hash(broken.bytes())).toBe(Bun.hash(whole.bytes()));
      }
    });

test("restoreProtectiveMbr() rewrites the first sector and keeps its boot code", async () => {
  const image = await sound();
  const sector = readBlock(image.file(), 0, 512);
  image.write(0, new Uint8Array(446).fill(0x90));
  image.write(446, new Uint8Array(66));
  expect(gptProblems(image.file()).protectiveMbr).toBe("it has no signature");
  image.write(510, Uint8Array.of(0x55, 0xaa));
  expect(gptProblems(image.file()).protectiveMbr).toContain("does not say");
  await restoreProtectiveMbr(image.file());
  const again = readBlock(image.file(), 0, 512);
  expect(again.subarray(446)).toEqual(sector.subarray(446));
  expect(again.subarray(0, 446).every((byte) => byte === 0x90)).toBeTrue();
});

test("restoreGpt() refuses an invalid source table", async () => {
  const image = wipe(await sound(), 1, 512);
  const before = Bun.hash(image.bytes());
  const error = await rejection(restoreGpt(image.file("disk"), "backup"));
  expect(error).toMatchObject({ code: "disk" });
  expect(error.message).toStartWith("Cannot restore the backup partition table of disk: ");
  expect(Bun.hash(image.bytes())).toBe(before);
});

test("restoreGpt() does not overwrite a partition", async () => {
  const image = wipe(
    await sound({ change: (header) => header.setBigUint64(40, 20n, true), partitions: PARTITIONS }),
    1,
    512,
  );
  const error = await rejection(restoreGpt(image.file(), "primary"));
  expect(error.message).toContain("a partition may lie where it belongs");
});

test("restoreGpt() leaves a readable table after any power cut", async () => {
  const recorded = new RecordedDisk(wipe(await sound(), 1, 512));
  await restoreGpt(recorded.file, "primary");
  let cuts = 0;
  for (const cut of recorded.cuts()) {
    expect(readGpt(cut.image.file()).partitions.map(({ label }) => label)).toEqual([
      "tandem-control",
      "tandem-a",
    ]);
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(4);
});

/** The disk with new space behind its old end. */
function grown(image: PagedImage, sizeBytes: number): PagedImage {
  const larger = PagedImage.zeros(sizeBytes);
  larger.write(0, image.bytes());
  return larger;
}

test("restoreGpt() on a disk that has grown makes both headers name each other, and sgdisk finds no problem", async () => {
  const image = grown(await sound(), 8 * 1024 * 1024);
  await restoreGpt(image.file(), "backup");
  expect(gptProblems(image.file())).toMatchObject({ primary: undefined, backup: undefined });
  expect(verdictOfSgdisk(image)).toContain("No problems found");
});

test("gptProblems() finds a backup that the primary table does not name, and restoreGpt() repairs it", async () => {
  const image = grown(await sound(), 8 * 1024 * 1024);
  const once = image.fork();
  await restoreGpt(once.file(), "backup");
  // An earlier version left a backup at the new end, and a primary table that names the old end.
  const last = image.sizeBytes - 33 * 512;
  image.write(last, readBlock(once.file(), last, 33 * 512));
  expect(gptProblems(image.file()).backup).toBe(
    "the primary copy says that it lies at sector 8191, not at 16383",
  );
  expect(verdictOfSgdisk(image)).not.toContain("No problems found");
  await restoreGpt(image.file(), "backup");
  expect(verdictOfSgdisk(image)).toContain("No problems found");
});

test("gptProblems() finds two valid copies with different partitions", async () => {
  const image = await sound();
  const other = gptImage({ partitions: PARTITIONS.slice(0, 1) });
  const last = image.sizeBytes - 33 * 512;
  image.write(last, readBlock(other.file(), last, 33 * 512));
  expect(gptProblems(image.file()).backup).toBe("it has other partitions than the primary copy");
});

function verdictOfSgdisk(image: PagedImage): string {
  const folder = mkdtempSync(join(tmpdir(), "tandem-gpt-"));
  try {
    writeFileSync(join(folder, "disk"), image.bytes());
    return Bun.spawnSync(["sgdisk", "-v", join(folder, "disk")]).stdout.toString();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
