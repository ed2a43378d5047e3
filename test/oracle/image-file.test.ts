/** An image file for a Kairos machine, made as small as its content: e2fsck, the kernel and GRUB take it. Needs root. */
import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { readdir, stat, writeFile } from "node:fs/promises";
import { KAIROS_DIRECTORIES, kairosBootFiles } from "../../src/boot/image/kairos-image.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { GiB, MiB } from "../../src/lib/units.ts";
import { createBlockFile } from "../../src/system/linux-block-file.ts";
import { layeredContent } from "../../src/write/layered-content.ts";
import { imageFit } from "../../src/write/image-size.ts";
import { writeImage, type WrittenImage } from "../../src/write/write-image.ts";
import { memoryLayers } from "../fakes/layers.ts";
import { command, commandBytes } from "../peers/command.ts";
import { complaints, mountWritable } from "../peers/ext4-tools.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const KERNEL = Buffer.alloc(3 * MiB, "kernel");
const SOURCE = memoryLayers([
  [
    { path: "boot", kind: "directory" },
    { path: "boot/vmlinuz", kind: "symlink", target: "/boot/vmlinuz-6" },
    { path: "boot/vmlinuz-6", data: KERNEL },
    { path: "tmp", kind: "directory", mode: 0o700 },
    { path: "replaced", data: Buffer.alloc(40 * MiB, "old") },
    ...Array.from({ length: 3000 }, (_, index) => ({ path: `etc/${index}`, data: `${index}` })),
  ],
  [
    { path: "replaced", data: "new" },
    { path: "sys", kind: "symlink", target: "usr" },
  ],
]);

async function make(
  path: string,
  sizeBytes: number,
  minimumBytes: number,
): Promise<WrittenImage<void>> {
  const block = createBlockFile(path, sizeBytes);
  try {
    return await writeImage({
      content: layeredContent(SOURCE, SOURCE.resolved),
      target: { block, path, offsetBytes: 0 },
      identity: {
        uuid: "01234567-89ab-cdef-0123-456789abcdef",
        label: "COS_ACTIVE",
        timeSeconds: 9,
      },
      checksums: "descriptors",
      directories: KAIROS_DIRECTORIES,
      fit: imageFit({ likelyBytes: 3584 * MiB }, minimumBytes),
      jobs: 1,
      cores: 1,
      talk: SILENT,
      signal: new AbortController().signal,
      withoutHoles: kairosBootFiles,
      inspect() {},
    });
  } finally {
    block.close();
  }
}

// Of 40 GiB, three blocks of group descriptors become one.
test.each([
  [200 * MiB, 0],
  [3 * GiB, 0],
  [3 * GiB, 1 * GiB + 4096],
  [40 * GiB, 0],
])("of %d bytes, at least %d are kept", async (sizeBytes, minimumBytes) => {
  await using folder = await temporaryFolder();
  const path = folder.in("transition.img");
  const written = await make(path, sizeBytes, minimumBytes);
  expect(statSync(path).size).toBe(written.sizeBytes);
  expect(written.sizeBytes).toBeGreaterThanOrEqual(minimumBytes);
  expect(written.sizeBytes).toBeLessThan(Math.max(minimumBytes, sizeBytes / 64) + 200 * MiB);
  expect(await complaints(path)).toEqual([]);
  const grub = await commandBytes("grub-fstest", path, "cat", "(loop0)/boot/vmlinuz");
  expect(grub).toEqual(KERNEL);
  {
    await using mount = await loopMount(path);
    const list = await command(
      "find",
      mount.path,
      "-maxdepth",
      "2",
      "-type",
      "d",
      "-printf",
      "%P %m\n",
    );
    expect(list.split("\n").toSorted()).toEqual(
      [
        " 755",
        "boot 755",
        "dev 755",
        "etc 755",
        "lost+found 700",
        "oem 755",
        "proc 555",
        "run 755",
        "tmp 700",
        "usr 755",
        "usr/local 755",
        "",
      ].toSorted(),
    );
    expect(await Bun.file(`${mount.path}/replaced`).text()).toBe("new");
    expect(await Bun.file(`${mount.path}/etc/2999`).text()).toBe("2999");
  }
  {
    await using mount = await mountWritable(path);
    // The kernel writes to what was set aside for the groups that are gone.
    await writeFile(`${mount.path}/usr/local/large`, Buffer.alloc(100 * MiB, "x"));
    expect((await stat(`${mount.path}/usr/local/large`)).size).toBe(100 * MiB);
    expect(await readdir(`${mount.path}/etc`)).toHaveLength(3000);
  }
  expect(await complaints(path)).toEqual([]);
});
