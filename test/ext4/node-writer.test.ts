import { viewOf } from "../../src/lib/view.ts";
import { beforeEach, expect, test } from "bun:test";
import type { TreeNode } from "../../src/layer/tree.ts";
import { BlockUsage } from "../../src/ext4/block-usage.ts";
import { NodeWriter } from "../../src/ext4/node-writer.ts";
import { numberTree } from "../../src/ext4/numbering.ts";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import {
  deviceNode,
  directory,
  Ext4Image,
  fifo,
  fileAt,
  symlink,
  xattr,
} from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";

let image: Ext4Image;
let usage: BlockUsage;
let writer: NodeWriter;

beforeEach(() => {
  image = new Ext4Image(PagedImage.zeros(64 * MiB).file());
  usage = new BlockUsage();
  const hashSeed = new Uint8Array(16).fill(1);
  writer = new NodeWriter({
    data: image.data,
    usage,
    checksumSeed: 1,
    hashSeed,
    timeSeconds: 5,
    checksums: "metadata",
  });
});

/** The root and lost+found have the first two numbers. */
const INODE = 12;

function inodeOf(node: TreeNode): Uint8Array {
  const tree = numberTree(directory({ it: node }), { inodesMax: 1e6, timeSeconds: 5 });
  expect(tree.node(INODE)).toBe(node);
  return writer.write(tree, INODE);
}

interface Facts {
  readonly sizeBytes: number;
  readonly blocks: number;
  readonly flags: number;
  readonly xattrBlock: number;
  /** The first block of an extent tree of one extent. */
  readonly dataBlock: number;
}

function write(node: TreeNode): Facts & { inode: Uint8Array } {
  const inode = inodeOf(node);
  const view = viewOf(inode);
  return {
    inode,
    sizeBytes: view.getUint32(0x04, true),
    blocks: view.getUint32(0x1c, true) / 8,
    flags: view.getUint32(0x20, true),
    xattrBlock: view.getUint32(0x68, true),
    dataBlock: view.getUint32(0x28 + 20, true),
  };
}

const EXTENTS = 0x80000;
const INDEX = 0x1000;
const wide = (count: number): TreeNode =>
  directory(Array.from({ length: count }, (_, index) => [`${index}`.padStart(200, "0"), fifo()]));

test.each<[string, () => TreeNode, Partial<Facts>]>([
  ["empty file", () => fileAt(0, []), { sizeBytes: 0, blocks: 0, flags: EXTENTS }],
  [
    "small file",
    () => image.file("hello"),
    { sizeBytes: 5, blocks: 1, flags: EXTENTS, dataBlock: 512 },
  ],
  ["short symlink", () => symlink("t".repeat(59)), { sizeBytes: 59, blocks: 0, flags: 0 }],
  ["long symlink", () => symlink("t".repeat(60)), { sizeBytes: 60, blocks: 1, flags: EXTENTS }],
  [
    "longest symlink",
    () => symlink("t".repeat(4095)),
    { sizeBytes: 4095, blocks: 1, flags: EXTENTS },
  ],
  ["device", () => deviceNode("character", [1, 3]), { sizeBytes: 0, blocks: 0, flags: 0 }],
  ["fifo", () => fifo(), { sizeBytes: 0, blocks: 0, flags: 0 }],
  ["directory", () => directory({ a: fifo() }), { sizeBytes: 4096, blocks: 1, flags: EXTENTS }],
  // 19 names of 208 bytes fill a block.
  ["large directory", () => wide(20), { sizeBytes: 3 * 4096, blocks: 3, flags: EXTENTS | INDEX }],
])("NodeWriter writes a %s", (_, make, want) => {
  expect(write(make())).toMatchObject(want);
});

test("NodeWriter marks the blocks of a node as used", () => {
  const used = usage.usedBlocks;
  write(image.file("x".repeat(10_000)));
  expect(usage.usedBlocks).toBe(used + 3);
  write(symlink("t".repeat(60)));
  expect(usage.usedBlocks).toBe(used + 4);
  write(
    fileAt(
      4096 * 1000,
      Array.from({ length: 5 }, (_, index) => ({
        logicalBlock: 2 * index,
        physicalBlock: 9000 + 2 * index,
        blocks: 1,
      })),
    ),
  );
  expect(usage.usedBlocks).toBe(used + 10);
});

test("NodeWriter stores xattrs in the inode, and the others in a block", () => {
  const small = write(fifo({ xattrs: [xattr("user.a", "b")] }));
  expect([small.xattrBlock, small.blocks]).toEqual([0, 0]);
  expect(viewOf(small.inode).getUint32(0xa0, true)).toBe(0xea020000);
  const large = write(fifo({ xattrs: [xattr("user.a", "b".repeat(100))] }));
  expect(large.blocks).toBe(1);
  image.data.finish();
  const block = readBlock(image.target, large.xattrBlock * 4096, 4096);
  expect(viewOf(block).getUint32(0, true)).toBe(0xea020000);
});

test.each<[string, TreeNode, string]>([
  [
    "a symlink to nothing",
    symlink(""),
    'Cannot write symlink "/it": its target has 0 bytes, want 1 to 4095',
  ],
  ["a long target", symlink("t".repeat(4096)), "its target has 4096 bytes"],
  [
    "a large device number",
    deviceNode("block", [4096, 0]),
    'Cannot write device "/it": its number 4096:0',
  ],
  [
    "large xattrs",
    fifo({ xattrs: [xattr("user.a", "v".repeat(5000))] }),
    'extended attributes of "/it": they need',
  ],
])("NodeWriter refuses %s", (_, node, message) => {
  expect(() => inodeOf(node)).toThrow(message);
});

test("NodeWriter throws for extents beyond the end of their file", () => {
  const node = fileAt(4096, [{ logicalBlock: 0, physicalBlock: 900, blocks: 2 }]);
  expect(() => inodeOf(node)).toThrow("extents end with their file");
});
