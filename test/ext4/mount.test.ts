import { expect, test } from "bun:test";
import { checkFileSystem, openFileSystem } from "../../src/ext4/mount.ts";
import { find, findFile } from "../../src/boot/image/find.ts";
import type { TreeNode } from "../../src/layer/tree.ts";
import type { Checksums } from "../../src/ext4/superblock.ts";
import { byteStringOf } from "../../src/lib/byte-string.ts";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { deviceNode, directory, Ext4Image, fifo, IDENTITY, symlink } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";

const SIZE_BYTES = 160 * MiB;
const MANY = Array.from({ length: 3000 }, (_, index) => `file number ${index}`);

/** One node of each kind, a directory with an index, a long symlink, a file in many pieces. */
function sample(checksums: Checksums): PagedImage {
  const paged = PagedImage.zeros(SIZE_BYTES);
  const image = new Ext4Image(paged.file(), { checksums });
  const pieces = Array.from(
    { length: 900 },
    (_, index) => [index * 8192, Buffer.from(`piece ${index}`)] as const,
  );
  const many = MANY.map((name) => [name, image.file(name)] as const);
  image.finish(
    directory({
      boot: directory({ vmlinuz: image.file("a kernel ".repeat(100_000)) }),
      many: directory(many),
      pieces: image.sparseFile(900 * 8192, pieces),
      short: symlink("boot/vmlinuz"),
      long: symlink(`${"./".repeat(60)}boot/vmlinuz`),
      null: deviceNode("character", [1, 3]),
      pipe: fifo(),
      empty: image.file(""),
    }),
  );
  return paged;
}
const SAMPLE = sample("metadata");
const ALONE = sample("descriptors");

test.each([
  ["metadata", SAMPLE],
  ["descriptors", ALONE],
])("openFileSystem() reads back what writeTree() wrote, checksums of %s", (_, paged) => {
  const fs = openFileSystem(paged.file());
  expect(fs).toMatchObject({ uuid: IDENTITY.uuid, label: IDENTITY.label });
  const text = (path: string): string | undefined => {
    const found = findFile(fs.root, path);
    return found === undefined ? undefined : Buffer.from(fs.read(found.node)).toString();
  };
  expect(text("/boot/vmlinuz")).toBe("a kernel ".repeat(100_000));
  expect(text("/short")).toBe(text("/boot/vmlinuz"));
  expect(text("/long")).toBe(text("/boot/vmlinuz"));
  expect(text("/empty")).toBe("");
  expect(text("/boot/other")).toBeUndefined();
  const pieces = text("/pieces") ?? "";
  for (const index of [0, 1, 350, 899])
    expect(pieces.slice(index * 8192, index * 8192 + 20)).toStartWith(`piece ${index}\0`);
  const kinds = ["null", "pipe", "short", "many"].map((name) => childOf(fs.root, name)?.kind);
  expect(kinds).toEqual(["character", "fifo", "symlink", "directory"]);
});

test("without metadata checksums those of the group descriptors are compared", () => {
  const paged = ALONE.fork();
  const [byte = 0] = readBlock(paged.file(), 4096 + 0x0c, 1);
  paged.write(4096 + 0x0c, Uint8Array.of(byte ^ 1));
  expect(() => openFileSystem(paged.file()).root).toThrow("the checksum of group 0 is wrong");
});

function childOf(node: TreeNode, name: string): TreeNode | undefined {
  return node.kind === "directory" ? node.children.get(byteStringOf(name)) : undefined;
}

test("openFileSystem() finds every name of a directory with an index", () => {
  const fs = openFileSystem(SAMPLE.file());
  for (const name of MANY) {
    const found = findFile(fs.root, `/many/${name}`);
    expect(found === undefined ? undefined : Buffer.from(fs.read(found.node)).toString()).toBe(
      name,
    );
  }
  const many = find(fs.root, "/many")?.node;
  expect(many?.kind === "directory" ? many.children.size : 0).toBe(MANY.length);
});

test("checkFileSystem() visits every inode", () => {
  // The root, lost+found, boot and its file, the others.
  expect(checkFileSystem(openFileSystem(SAMPLE.file())).nodes).toBe(4 + MANY.length + 7);
});

const DAMAGES = [
  { name: "nothing", block: 0, at: 1024 + 0x38, why: "there is none" },
  { name: "another ext4", block: 0, at: 1024 + 0x5c, why: "not written by tandem" },
  { name: "a changed superblock", block: 0, at: 1024 + 0x78, why: "checksum of its superblock" },
  { name: "a changed group", block: 1, at: 8, why: "checksum of group 0" },
];

test.each(DAMAGES)("openFileSystem() refuses $name", ({ block, at, why }) => {
  const paged = SAMPLE.fork();
  paged.write(block * 4096 + at, Uint8Array.of(0x3c));
  expect(() => openFileSystem(paged.file("slot a"))).toThrow(
    `Cannot read the file system of slot a: `,
  );
  expect(() => openFileSystem(paged.file("slot a"))).toThrow(why);
});

test("openFileSystem() refuses a slot that is smaller than its file system", async () => {
  const small = PagedImage.of(readBlock(SAMPLE.file(), 0, 8 * MiB));
  const error = await rejection((async () => openFileSystem(small.file()))());
  expect(error).toMatchObject({ code: "content" });
  expect(error.message).toContain("more than there is room for");
});

test("checkFileSystem() finds every changed byte of the metadata that changes the content", () => {
  const small = PagedImage.zeros(4 * MiB);
  const image = new Ext4Image(small.file());
  const files = MANY.slice(0, 100).map((name) => [name, image.file("x")] as const);
  image.finish(directory({ files: directory(files), boot: directory({ link: symlink("files") }) }));
  const sound = JSON.stringify(listing(small));
  let refusals = 0;
  for (let at = 0; at < small.sizeBytes; at += 4987) {
    const paged = small.fork();
    const before = readBlock(paged.file(), at, 1)[0] ?? 0;
    paged.write(at, Uint8Array.of(before ^ 0x41));
    try {
      checkFileSystem(openFileSystem(paged.file()));
    } catch (error) {
      expect(error).toMatchObject({ code: "content" });
      refusals += 1;
      continue;
    }
    expect(JSON.stringify(listing(paged))).toBe(sound);
  }
  expect(refusals).toBeGreaterThan(10);
});

/** Returns the names and kinds of all nodes. */
function listing(paged: PagedImage): unknown {
  const walk = (node: TreeNode): unknown =>
    node.kind === "directory"
      ? [...node.children].map(([name, child]) => [name, walk(child)])
      : node.kind;
  return walk(openFileSystem(paged.file()).root);
}
