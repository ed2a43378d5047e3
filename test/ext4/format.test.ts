import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import type { DirectoryNode } from "../../src/layer/tree.ts";
import { BLOCK_BYTES, CHUNK_BYTES } from "../../src/disk/chunk.ts";
import { writeTree } from "../../src/ext4/format.ts";
import { rangeOf } from "../../src/ext4/written-range.ts";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { directory, Ext4Image, fifo, IDENTITY, symlink, xattr } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";

/** A tree with all kinds of nodes and with data in several chunks. */
function sampleTree(image: Ext4Image): DirectoryNode {
  const many = Array.from(
    { length: 400 },
    (_, index) => [`file ${index}`, image.file(`${index}`)] as const,
  );
  image.file("of a layer that a later one replaced".repeat(1000));
  return directory({
    many: directory(many),
    large: image.file(new Uint8Array(3 * MiB).fill(1)),
    link: symlink("x".repeat(100)),
    attributes: fifo({ xattrs: [xattr("user.large", "v".repeat(300))] }),
  });
}

function build(sizeBytes = 300 * MiB): {
  paged: PagedImage;
  tree: ReturnType<Ext4Image["finish"]>;
} {
  const paged = PagedImage.zeros(sizeBytes);
  const image = new Ext4Image(paged.file());
  return { paged, tree: image.finish(sampleTree(image)) };
}

test("writeTree() gives the same bytes for the same tree", () => {
  const [one, other] = [build(), build()];
  expect(one.tree).toEqual(other.tree);
  expect(Bun.hash(one.paged.bytes())).toBe(Bun.hash(other.paged.bytes()));
});

test("writeTree() returns each written byte in one range, with its hash", () => {
  const { paged, tree } = build();
  const ranges = [...tree.ranges, ...tree.dataRanges].toSorted(
    (one, other) => one.offsetBytes - other.offsetBytes,
  );
  const rebuilt = PagedImage.zeros(paged.sizeBytes);
  let end = 0;
  for (const range of ranges) {
    const { offsetBytes, sizeBytes } = range;
    expect(offsetBytes).toBeGreaterThanOrEqual(end);
    end = offsetBytes + sizeBytes;
    expect(Math.floor((end - 1) / CHUNK_BYTES)).toBe(Math.floor(offsetBytes / CHUNK_BYTES));
    const bytes = readBlock(paged.file(), offsetBytes, sizeBytes);
    expect(rangeOf(offsetBytes, bytes)).toEqual(range);
    rebuilt.write(offsetBytes, bytes);
  }
  expect(Bun.hash(rebuilt.bytes())).toBe(Bun.hash(paged.bytes()));
});

test("writeTree() leaves block 0 to its caller", () => {
  const image = new Ext4Image(PagedImage.zeros(8 * MiB).file());
  const tree = image.writeTree(sampleTree(image));
  const zeros = new Uint8Array(BLOCK_BYTES);
  expect(readBlock(image.target, 0, BLOCK_BYTES)).toEqual(zeros);
  expect(tree.ranges[0]).toEqual(rangeOf(0, tree.superblock));
});

test("writeTree() writes backups that differ from the superblock only in group and checksum", () => {
  const { paged, tree } = build();
  const backup = readBlock(paged.file(), 32_768 * BLOCK_BYTES, 1024);
  const primary = tree.superblock.slice(1024, 2048);
  const different = [...backup].flatMap((byte, at) => (byte === primary[at] ? [] : [at]));
  expect(different.filter((at) => at < 0x3fc)).toEqual([0x5a]);
  const descriptors = readBlock(paged.file(), BLOCK_BYTES, BLOCK_BYTES);
  expect(readBlock(paged.file(), 32_769 * BLOCK_BYTES, BLOCK_BYTES)).toEqual(descriptors);
});

test("writeTree() returns the number of inodes and the used space", () => {
  const image = new Ext4Image(PagedImage.zeros(4 * MiB).file());
  const { inodes, usedBytes, superblock } = image.finish(directory({ a: image.file("x") }));
  expect(inodes).toBe(12);
  // 20 fixed blocks, one of the root, four of lost+found, one of the file.
  expect(usedBytes).toBe(26 * BLOCK_BYTES);
  const view = viewOf(superblock.subarray(1024));
  expect([view.getUint32(0x0c, true), view.getUint32(0x10, true)]).toEqual([1024 - 26, 256 - 12]);
});

test('writeTree() throws "no-space" when the directories do not fit', () => {
  const image = new Ext4Image(PagedImage.zeros(4 * MiB).file());
  const large = image.file(new Uint8Array(3 * MiB));
  const attributes = { xattrs: [xattr("user.a", "v".repeat(3000))] };
  const many = Array.from({ length: 240 }, (_, index) => [`${index}`, fifo(attributes)] as const);
  expect(() => image.finish(directory([["large", large], ...many]))).toThrow("are left");
});

test("writeTree() accepts labels up to 16 bytes", () => {
  const { target, geometry, allocator } = new Ext4Image(PagedImage.zeros(4 * MiB).file());
  const write = (label: string): unknown =>
    writeTree(target, { geometry, allocator, root: directory(), identity: { ...IDENTITY, label } });
  expect(() => write("x".repeat(17))).toThrow("a label has at most 16 bytes");
});
