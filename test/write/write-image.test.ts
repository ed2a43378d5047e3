import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkMedium } from "../../src/disk/read-back.ts";
import { relabel } from "../../src/ext4/relabel.ts";
import { bootFiles } from "../../src/boot/image/boot-files.ts";
import { find, findFile } from "../../src/boot/image/find.ts";
import { checkFileSystem, openFileSystem } from "../../src/ext4/mount.ts";
import type { ImageTree, TreeNode } from "../../src/layer/tree.ts";
import { display } from "../../src/lib/byte-string.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { createBlockFile } from "../../src/system/linux-block-file.ts";
import { layeredContent } from "../../src/write/layered-content.ts";
import { type WriteJob, writeImage } from "../../src/write/write-image.ts";
import { memoryLayers } from "../fakes/layers.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { rejection } from "../fakes/source.ts";
import type { TarMember } from "../peers/tar.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SOURCE = memoryLayers(
  ["one", "two", "three"].map((name, index) => [
    { path: "shared", data: `of ${name}` },
    { path: name, kind: "directory" as const, mode: 0o700 + index },
    { path: `${name}/data`, data: Buffer.alloc(MiB + index, `${name} `), uid: index },
    { path: `${name}/again`, kind: "hardlink" as const, target: `${name}/data` },
    { path: `${name}/link`, kind: "symlink" as const, target: "data" },
  ]),
);

type Listing = Record<string, string>;

/** Returns each path with its attributes and content, without the location of its data. */
function list({ root, read }: ImageTree): Listing {
  const listing: Listing = {};
  const visit = (path: string, node: TreeNode): void => {
    const { mode, uid, gid, mtime } = node;
    const content =
      node.kind === "file"
        ? new Bun.CryptoHasher("sha256").update(read(node)).digest("hex")
        : node.kind === "symlink"
          ? display(node.target)
          : "";
    listing[path] = [node.kind, mode.toString(8), uid, gid, mtime.seconds, content].join(" ");
    if (node.kind === "directory")
      for (const [name, child] of node.children) visit(`${path}/${display(name)}`, child);
  };
  visit("", root);
  return listing;
}

function jobOn(block: BlockFile, more: Partial<WriteJob<Listing>> = {}): WriteJob<Listing> {
  return {
    content: layeredContent(SOURCE, SOURCE.resolved),
    target: { block, path: undefined, offsetBytes: 0 },
    identity: { uuid: "01234567-89ab-cdef-0123-456789abcdef", label: "x", timeSeconds: 0 },
    jobs: 1,
    cores: 1,
    talk: SILENT,
    signal: new AbortController().signal,
    withoutHoles: bootFiles,
    inspect: list,
    ...more,
  };
}

test.each([1, 2, 3])(
  "writeImage() by %i threads gives the same tree as in memory",
  async (jobs) => {
    const here = await writeImage(jobOn(PagedImage.zeros(16 * MiB).file()));
    expect(Object.keys(here.finding)).toHaveLength(1 + 1 + 3 * 4);
    expect(here.finding["/shared"]).toContain(
      new Bun.CryptoHasher("sha256").update("of three").digest("hex"),
    );
    const path = join(folder, `${jobs}.img`);
    const block = createBlockFile(path, 16 * MiB);
    const target = { block, path, offsetBytes: 0 };
    const written = await writeImage(jobOn(block, { jobs, target }));
    block.close();
    expect(written.finding).toEqual(here.finding);
    expect(written.inodes).toBe(here.inodes);
  },
);

test("writeImage() returns ascending ranges that do not overlap, with the right hashes", async () => {
  const image = PagedImage.zeros(16 * MiB);
  const { ranges } = await writeImage(jobOn(image.file()));
  let endBytes = 0;
  for (const { offsetBytes, sizeBytes, xxh3 } of ranges) {
    expect(offsetBytes).toBeGreaterThanOrEqual(endBytes);
    endBytes = offsetBytes + sizeBytes;
    expect(Math.floor((endBytes - 1) / MiB)).toBe(Math.floor(offsetBytes / MiB));
    const bytes = image.bytes().subarray(offsetBytes, endBytes);
    expect(Bun.hash.xxHash3(bytes)).toBe(xxh3);
  }
});

test("writeImage() flushes everything before it writes the superblock, which is last", async () => {
  const recorded = new RecordedDisk(PagedImage.zeros(16 * MiB));
  await writeImage(jobOn(recorded.file));
  const kinds = recorded.operations.map(({ kind }) => kind);
  expect(kinds.slice(-3)).toEqual(["flush", "write", "flush"]);
  expect(recorded.operations.at(-2)).toMatchObject({ kind: "write", offsetBytes: 0 });
  const early = recorded.operations
    .slice(0, -3)
    .filter((one) => one.kind === "write" && one.offsetBytes < 2048);
  expect(early).toEqual([]);
});

test("writeImage() makes a file system whose label lies in one sector, when asked", async () => {
  const image = PagedImage.zeros(16 * MiB);
  await writeImage(jobOn(image.file(), { checksums: "descriptors" }));
  expect(relabel(image.bytes().subarray(1024, 2048), "COS_PASSIVE").bytes).toHaveLength(16);
  expect(checkFileSystem(openFileSystem(image.file())).nodes).toBeGreaterThan(10);
});

test("writeImage() leaves paths out, and warns of those that are not there", async () => {
  const warnings: string[] = [];
  const talk = { ...SILENT, warn: (text: string) => void warnings.push(text) };
  const exclude = ["/one", "two/data", "/none"];
  const { finding } = await writeImage(jobOn(PagedImage.zeros(16 * MiB).file(), { exclude, talk }));
  expect(Object.keys(finding).filter((path) => /one|two/.test(path))).toEqual([
    "/two",
    "/two/again",
    "/two/link",
  ]);
  expect(warnings).toEqual(['memory:layers: found nothing to exclude at "/none", continuing']);
});

test("writeImage() adds the directories that the image lacks, before it inspects the tree", async () => {
  const image = PagedImage.zeros(16 * MiB);
  const directories = [
    { path: "/usr/local", mode: 0o755 },
    { path: "/one", mode: 0o555 },
    { path: "/tmp", mode: 0o1777 },
  ];
  const { finding } = await writeImage(jobOn(image.file(), { directories }));
  expect(finding["/usr/local"]).toBe("directory 755 0 0 0 ");
  expect(finding["/one"]).toStartWith("directory 700 ");
  const { root } = openFileSystem(image.file());
  expect(find(root, "/usr/local")?.node.kind).toBe("directory");
  expect(find(root, "/tmp")?.node.kind).toBe("directory");
});

test.each([1, 3])("writeImage() by %i threads makes the file as small as asked", async (jobs) => {
  const whole = await writeImage(jobOn(PagedImage.zeros(16 * MiB).file()));
  const path = join(folder, `fit-${jobs}.img`);
  const block = createBlockFile(path, 300 * MiB);
  const target = { block, path, offsetBytes: 0 };
  const fit = { freeBytes: 2 * MiB, minimumBytes: 0 };
  const written = await writeImage(jobOn(block, { jobs, target, fit }));
  expect(written.finding).toEqual(whole.finding);
  // The front of 300 MiB, chunks of data, and free space.
  expect(written.sizeBytes).toBeLessThan(24 * MiB);
  expect(block.sizeBytes).toBe(written.sizeBytes);
  expect(statSync(path).size).toBe(written.sizeBytes);
  expect(openFileSystem(block).label).toBe("x");
  expect(checkFileSystem(openFileSystem(block)).nodes).toBeGreaterThan(10);
  await checkMedium(block, written.ranges);
  block.close();
});

test("writeImage() keeps the size that is asked for", async () => {
  const fit = { freeBytes: 0, minimumBytes: 12 * MiB };
  const { sizeBytes } = await writeImage(jobOn(PagedImage.zeros(16 * MiB).file(), { fit }));
  expect(sizeBytes).toBe(12 * MiB);
});

function refuse(): never {
  throw new Error("no kernel");
}

test("writeImage() writes no superblock when inspect() throws", async () => {
  const image = PagedImage.zeros(16 * MiB);
  await expect(writeImage(jobOn(image.file(), { inspect: refuse }))).rejects.toThrow("no kernel");
  expect(image.bytes().subarray(0, 4096)).toEqual(new Uint8Array(4096));
});

/** A file of 12 KiB whose only data, the text, is at 8 KiB. */
function holed(path: string, text: string): TarMember {
  const map = Buffer.alloc(512);
  map.write(`1\n8192\n4096\n`);
  const pax = {
    "GNU.sparse.major": "1",
    "GNU.sparse.minor": "0",
    "GNU.sparse.name": path,
    "GNU.sparse.realsize": "12288",
  };
  return { path, data: Buffer.concat([map, Buffer.alloc(4096, text)]), pax };
}

test("writeImage() fills the holes of kernels and initrds, which GRUB cannot read", async () => {
  const image = PagedImage.zeros(16 * MiB);
  const source = memoryLayers([
    [
      holed("boot/vmlinuz-6", "kernel"),
      holed("usr/lib/modules/6/initrd", "initrd"),
      holed("data", "x"),
    ],
  ]);
  const { ranges } = await writeImage(
    jobOn(image.file(), { content: layeredContent(source, source.resolved), inspect: () => ({}) }),
  );
  const { root } = openFileSystem(image.file());
  const blocksOf = (path: string): number | undefined =>
    findFile(root, path)?.node.extents.reduce((sum, { blocks }) => sum + blocks, 0);
  const paths = ["/boot/vmlinuz-6", "/usr/lib/modules/6/initrd", "/data"];
  expect(paths.map(blocksOf)).toEqual([3, 3, 1]);
  const rebuilt = PagedImage.zeros(16 * MiB);
  for (const { offsetBytes, sizeBytes } of ranges)
    rebuilt.write(offsetBytes, image.bytes().subarray(offsetBytes, offsetBytes + sizeBytes));
  expect(Buffer.compare(rebuilt.bytes(), image.bytes())).toBe(0);
});

test("writeImage() refuses too large an image before it writes", async () => {
  const image = PagedImage.zeros(4 * MiB);
  const large = memoryLayers([[{ path: "large", data: new Uint8Array(5 * MiB) }]]);
  const job = jobOn(image.file("slot b"), { content: layeredContent(large, large.resolved) });
  expect(await rejection(writeImage(job))).toMatchObject({
    code: "no-space",
    message: expect.stringMatching(
      /^Cannot write memory:layers to slot b: needs more than \d+ bytes .*, has 4194304$/,
    ),
  });
  expect(image.bytes()).toEqual(new Uint8Array(4 * MiB));
});
