/** dosfstools and mtools check the FAT that tandem writes, and tandem reads what they write. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { command } from "../../scripts/disk/command.ts";
import { Fat } from "../../src/fat/fat.ts";
import { KiB, MiB } from "../../src/lib/units.ts";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import { pattern } from "../fakes/image.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const FORMATS = [
  ["FAT32 of 512-byte clusters", ["-F", "32", "-s", "1"], 40 * MiB],
  ["FAT32 of 4 KiB clusters", ["-F", "32", "-s", "8"], 300 * MiB],
  ["FAT32 of 4 KiB sectors", ["-F", "32", "-S", "4096"], 300 * MiB],
  ["FAT16", ["-F", "16"], 20 * MiB],
] as const;

const contentOf = (bytes: Uint8Array): { sizeBytes: number; read: () => Uint8Array[] } => ({
  sizeBytes: bytes.byteLength,
  read: () => [bytes],
});
const bytesOf = (fat: Fat, path: string): Buffer =>
  Buffer.concat([...(fat.read(path)?.read() ?? [])].map((chunk) => Buffer.from(chunk)));

/** Returns the complaints of fsck.fat. */
function findings(path: string): string {
  const { stdout } = Bun.spawnSync(["fsck.fat", "-n", path], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  return stdout
    .toString()
    .split("\n")
    .filter(
      (line) => !/^fsck\.fat |files, .* clusters$|^$|^Leaving filesystem unchanged/.test(line),
    )
    .join("\n");
}

test.each(FORMATS)("mtools reads what Fat writes to a %s", async (_, options, sizeBytes) => {
  await using folder = await temporaryFolder();
  const image = folder.in("fat.img");
  command(["mkfs.vfat", "-C", ...options, image, `${sizeBytes / KiB}`]);
  const file = openBlockFile(image, { write: true });
  const fat = Fat.open(file);
  await fat.makeFolder("/loader");
  await fat.makeFolder("/loader/entries");
  const large = pattern(3 * MiB + 17);
  await fat.write("/loader/VMLINUZ", contentOf(large));
  for (let index = 0; index < 70; index += 1)
    await fat.write(
      `/loader/entries/tandem-b-${index}+3.conf`,
      contentOf(Buffer.from(`title ${index}\n`)),
    );
  await fat.write("/loader/empty", contentOf(new Uint8Array()));
  for (let index = 0; index < 70; index += 3)
    await fat.remove(`/loader/entries/tandem-b-${index}+3.conf`);
  file.close();
  expect(findings(image)).toBe("");
  const names = command(["mdir", "-b", "-i", image, "::/loader/entries"]).trim().split("\n");
  expect(names).toHaveLength(46);
  expect(names).toContain("::/loader/entries/tandem-b-1+3.conf");
  command(["mcopy", "-i", image, "::/loader/VMLINUZ", folder.in("large")]);
  expect(Buffer.compare(readFileSync(folder.in("large")), large)).toBe(0);
  expect(command(["mtype", "-i", image, "::/loader/entries/tandem-b-1+3.conf"])).toBe("title 1\n");
});

test.each(FORMATS)("Fat reads what mtools writes to a %s", async (_, options, sizeBytes) => {
  await using folder = await temporaryFolder();
  const image = folder.in("fat.img");
  command(["mkfs.vfat", "-C", ...options, image, `${sizeBytes / KiB}`]);
  writeFileSync(folder.in("one"), pattern(100_000));
  command(["mmd", "-i", image, "::/EFI", "::/EFI/BOOT"]);
  for (const name of ["BOOTX64.EFI", "short.txt", "A Long Name, indeed+2-1.conf", "Ünï.conf"])
    command(["mcopy", "-i", image, folder.in("one"), `::/EFI/BOOT/${name}`]);
  command(["mren", "-i", image, "::/EFI/BOOT/short.txt", "renamed by others"]);
  const file = openBlockFile(image, { write: true });
  const fat = Fat.open(file);
  const names = fat.list("/EFI/BOOT")?.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(["BOOTX64.EFI", "A Long Name, indeed+2-1.conf", "renamed by others"]),
  );
  expect(Buffer.compare(bytesOf(fat, "/efi/boot/bootx64.efi"), pattern(100_000))).toBe(0);
  for (const name of names ?? []) await fat.remove(`/EFI/BOOT/${name}`);
  await fat.remove("/EFI/BOOT");
  file.close();
  expect(findings(image)).toBe("");
  expect(command(["mdir", "-b", "-i", image, "::/EFI"])).toBe("");
});

/** Only lost clusters and the differences between the tables that they cause are allowed. */
const HARMLESS =
  /^(?:Reclaimed \d+ unused clusters? \(\d+ bytes\)\.?|FATs differ but appear to be intact\.| *Using first FAT.*|Orphaned long file name part .*|Free cluster summary uninitialized.*| *Auto-.*)$/;

test.each([32, 16] as const)(
  "FAT%i: fsck.fat finds no more than lost clusters after a cut",
  async (bits) => {
    await using folder = await temporaryFolder();
    const made = folder.in("new.img");
    command(["mkfs.vfat", "-C", "-F", `${bits}`, "-s", bits === 32 ? "1" : "2", made, "8192"]);
    const start = PagedImage.of(readFileSync(made));
    const before = Fat.open(start.file());
    await before.makeFolder("/tandem");
    await before.write("/tandem/old.conf", contentOf(pattern(700)));
    const recorded = new RecordedDisk(start);
    const fat = Fat.open(recorded.file);
    await fat.write("/tandem/tandem-b+3.conf", contentOf(pattern(3000)));
    await fat.remove("/tandem/old.conf");
    const path = folder.in("cut.img");
    let cuts = 0;
    for (const { name, image } of recorded.cuts({ subsetsMax: 4, tearsMax: 2 })) {
      writeFileSync(path, image.bytes());
      const worse = findings(path)
        .split("\n")
        .filter((line) => line !== "" && !HARMLESS.test(line));
      expect({ name, worse }).toEqual({ name, worse: [] });
      cuts += 1;
    }
    console.log(`FAT${bits}: ${recorded.operations.length} operations, ${cuts} disks after a cut`);
    console.log(`count: cuts ${cuts}`);
  },
);
