/** An ext4 whose group descriptors alone have checksums: the kernel, e2fsck, debugfs, tune2fs and GRUB take it. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { checkFileSystem, openFileSystem } from "../../src/ext4/mount.ts";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import { MiB } from "../../src/lib/units.ts";
import { COLLIDING_NAMES, directory, fifo, symlink, xattr } from "../fakes/ext4-image.ts";
import { command, commandBytes } from "../peers/command.ts";
import { complaints, mountWritable, superblockOf, writeExt4 } from "../peers/ext4-tools.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

/** One level of the index, and two. */
test.each([400, 9000])("with %d long names it can be read, checked and filled", async (count) => {
  await using folder = await temporaryFolder();
  const path = folder.in("image");
  const names = Array.from({ length: count }, (_, index) => `${index}-`.padEnd(255, "n"));
  const kernel = Buffer.alloc(3 * MiB, "kernel");
  writeExt4(path, { sizeBytes: 300 * MiB, checksums: "descriptors" }, (image) =>
    directory({
      many: directory([...COLLIDING_NAMES, ...names].map((name) => [name, fifo()] as const)),
      boot: directory({ vmlinuz: symlink("vmlinuz-6"), "vmlinuz-6": image.file(kernel) }),
      large: image.file("x", { xattrs: [xattr("user.large", "v".repeat(3000))] }),
    }),
  );
  expect(await complaints(path)).toEqual([]);
  const features = (await superblockOf(path)).get("Filesystem features")?.split(" ");
  expect(features).toContain("uninit_bg");
  expect(features).not.toContain("metadata_csum");
  expect(await commandBytes("grub-fstest", path, "cat", "(loop0)/boot/vmlinuz")).toEqual(kernel);
  const dumped = await command("debugfs", "-R", `stat /boot/vmlinuz-6`, path);
  expect(dumped).toContain(`Size: ${kernel.byteLength}`);
  {
    await using mount = await mountWritable(path);
    expect(readdirSync(`${mount.path}/many`)).toHaveLength(count + COLLIDING_NAMES.length);
    // The kernel takes inodes and blocks that are marked as never used.
    for (let index = 0; index < 2000; index += 1)
      await writeFile(`${mount.path}/many/new ${index}`, "new");
  }
  expect(await complaints(path)).toEqual([]);
  await command("tune2fs", "-L", "COS_PASSIVE", path);
  expect(await complaints(path)).toEqual([]);
  // What the kernel has changed has no checksums that tandem could compare.
  const block = openBlockFile(path, { write: false });
  const opened = openFileSystem(block);
  expect(opened.label).toBe("COS_PASSIVE");
  expect(checkFileSystem(opened).nodes).toBeGreaterThan(count + 2000);
  block.close();
});
