/**
 * Recognizes what real tools write, and `tandem write` refuses to overwrite it. Needs root for loop devices and mounts.
 */
import { expect, test } from "bun:test";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { signaturesOn } from "../../src/disk/signature.ts";
import { MiB } from "../../src/lib/units.ts";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import { command } from "../peers/command.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { writeImage } from "../peers/image.ts";
import { type TemporaryFolder, temporaryFolder } from "../peers/temporary-folder.ts";

const EXT = "an ext2, ext3 or ext4 file system";
const FAT = "a FAT file system";
const TANDEM = [process.execPath, "src/main.ts"] as const;

const whatIsIn = (path: string): string[] => {
  const file = openBlockFile(path, { write: false });
  const found = signaturesOn(file).map(({ what }) => what);
  file.close();
  return [...new Set(found)];
};

function emptyFile(folder: TemporaryFolder, sizeBytes: number): string {
  const path = folder.in("image");
  writeFileSync(path, "");
  truncateSync(path, sizeBytes);
  return path;
}

/** The type according to blkid. */
const typeOf = async (path: string): Promise<string> => {
  const said = await command("blkid", "--probe", "--output", "export", path);
  return /^(?:TYPE|PTTYPE)=(.*)$/m.exec(said)?.[1] ?? said;
};

test.each<[string, string, ...(readonly string[])[]]>([
  [EXT, "ext2", ["mke2fs", "-q", "-t", "ext2", "IMAGE"]],
  [EXT, "ext3", ["mke2fs", "-q", "-t", "ext3", "IMAGE"]],
  [EXT, "ext4", ["mke2fs", "-q", "-t", "ext4", "-b", "1024", "IMAGE"]],
  [FAT, "vfat", ["mkfs.vfat", "-F", "12", "IMAGE"]],
  [FAT, "vfat", ["mkfs.vfat", "-F", "16", "IMAGE"]],
  [FAT, "vfat", ["mkfs.vfat", "-F", "32", "IMAGE"]],
  [FAT, "vfat", ["mkfs.vfat", "-S", "4096", "IMAGE"]],
  ["swap space", "swap", ["mkswap", "IMAGE"]],
  ["swap space", "swap", ["mkswap", "-p", "65536", "IMAGE"]],
  ["a GPT partition table", "gpt", ["sgdisk", "-n", "1:0:0", "IMAGE"]],
  ["a GPT partition table", "gpt", ["sgdisk", "-o", "IMAGE"]],
  [
    "an MBR partition table",
    "dos",
    ["sgdisk", "-n", "1:0:0", "IMAGE"],
    ["sgdisk", "-m", "1", "IMAGE"],
  ],
  [
    "an ISO 9660 file system",
    "iso9660",
    ["bsdtar", "--format=iso9660", "-cf", "IMAGE", "src/main.ts"],
  ],
])("%s, which blkid calls %s, is known", async (what, type, ...tools) => {
  await using folder = await temporaryFolder();
  const path = emptyFile(folder, 64 * MiB);
  expect(whatIsIn(path)).toEqual([]);
  for (const [name = "", ...words] of tools)
    await command(name, ...words.map((word) => (word === "IMAGE" ? path : word)));
  expect(await typeOf(path)).toBe(type);
  expect(whatIsIn(path)).toEqual([what]);
});

test("tandem write needs --force for a device with a file system, and refuses a device in use even with --force", async () => {
  await using folder = await temporaryFolder();
  await writeImage(folder.in("layout"), { layers: [{ tar: [{ path: "x", data: "x" }] }] });
  const path = emptyFile(folder, 16 * MiB);
  await command("mkswap", path);
  const device = (await command("losetup", "--find", "--show", path)).trim();
  const write = (...flags: string[]): Promise<string> =>
    command(...TANDEM, "write", `oci-layout:${folder.in("layout")}`, device, ...flags);
  try {
    await expect(write()).rejects.toThrow(
      `status 8, tandem: Cannot write to ${device}: it holds swap space\n  hint: `,
    );
    expect(await typeOf(device)).toBe("swap");
    await write("--force");
    expect(await typeOf(device)).toBe("ext4");
    expect(await complaints(path)).toEqual([]);
    await expect(write()).rejects.toThrow(`it holds ${EXT}`);
    mkdirSync(folder.in("mnt"));
    const script = `mount ${device} ${folder.in("mnt")} && echo mounted && read -r end`;
    const child = Bun.spawn(["unshare", "--mount", "sh", "-c", script], {
      stdin: "pipe",
      stdout: "pipe",
    });
    await child.stdout.getReader().read();
    await expect(write("--force")).rejects.toThrow(`Cannot open ${device}: it is in use`);
    child.kill();
    await child.exited;
    expect(await complaints(path)).toEqual([]);
  } finally {
    await command("losetup", "--detach", device);
  }
});
