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
import { gptImage, type TableWish } from "./gpt-image.ts";

const PARTITIONS = [
  { label: "tandem-control", firstLba: 2048, lastLba: 4095 },
  { label: "tandem-a", firstLba: 4096, lastLba: 6143 },
];
const SECTORS = [512, 4096] as const;

/** A sound disk: both tables and the first sector. */
async function sound(wish: Partial<TableWish> = {}): Promise<PagedImage> {
  const image = gptImage({ partitions: PARTITIONS, ...wish });
  await restoreProtectiveMbr(image.file());
  return image;
}

function wipe(image: PagedImage, lba: number, sectorBytes: number): PagedImage {
  const wiped = image.fork();
  wiped.write(lba * sectorBytes, new Uint8Array(sectorBytes));
  return wiped;
}

test("a sound disk has no problems", async () => {
  expect(gptProblems((await sound()).file())).toEqual({
    primary: undefined,
    backup: undefined,
    protectiveMbr: undefined,
  });
});

for (const sectorBytes of SECTORS)
  for (const which of ["primary", "backup"] as const)
    test(`the ${which} table is made of the other, sectors of ${sectorBytes}`, async () => {
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

test("the first sector is made anew and keeps its boot code", async () => {
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

test("nothing is restored from a table that cannot be used", async () => {
  const image = wipe(await sound(), 1, 512);
  const before = Bun.hash(image.bytes());
  const error = await rejection(restoreGpt(image.file("disk"), "backup"));
  expect(error).toMatchObject({ code: "disk" });
  expect(error.message).toStartWith("Cannot restore the backup partition table of disk: ");
  expect(Bun.hash(image.bytes())).toBe(before);
});

test("nothing is restored over a partition", async () => {
  const image = wipe(
    await sound({ change: (header) => header.setBigUint64(40, 20n, true), partitions: PARTITIONS }),
    1,
    512,
  );
  const error = await rejection(restoreGpt(image.file(), "primary"));
  expect(error.message).toContain("a partition may lie where it belongs");
});

test("a cut while a table is restored leaves one that is read", async () => {
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

/** The disk with more room behind its old end. */
function grown(image: PagedImage, sizeBytes: number): PagedImage {
  const larger = PagedImage.zeros(sizeBytes);
  larger.write(0, image.bytes());
  return larger;
}

test("after a disk has grown both headers name each other, and sgdisk finds nothing", async () => {
  const image = grown(await sound(), 8 * 1024 * 1024);
  await restoreGpt(image.file(), "backup");
  expect(gptProblems(image.file())).toMatchObject({ primary: undefined, backup: undefined });
  expect(verdictOfSgdisk(image)).toContain("No problems found");
});

test("a backup that the primary table does not name is a problem, and is repaired", async () => {
  const image = grown(await sound(), 8 * 1024 * 1024);
  const once = image.fork();
  await restoreGpt(once.file(), "backup");
  // As an earlier version left it: a backup at the new end, and a primary that names the old one.
  const last = image.sizeBytes - 33 * 512;
  image.write(last, readBlock(once.file(), last, 33 * 512));
  expect(gptProblems(image.file()).backup).toBe(
    "the primary copy says that it lies at sector 8191, not at 16383",
  );
  expect(verdictOfSgdisk(image)).not.toContain("No problems found");
  await restoreGpt(image.file(), "backup");
  expect(verdictOfSgdisk(image)).toContain("No problems found");
});

test("two whole copies with other partitions are a problem", async () => {
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
