import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import type { Extent } from "../../src/tar/entry.ts";
import { BLOCK_BYTES } from "../../src/disk/chunk.ts";
import { crc32c } from "../../src/ext4/checksum.ts";
import { encodeExtents } from "../../src/ext4/extents.ts";

const SEED = 0x1234;
/** The block of the first node that append() writes. */
const NODES_AT = 1_000_000;

/** Extents that cannot be joined. */
const scattered = (count: number): Extent[] =>
  Array.from({ length: count }, (_, index) => ({
    logicalBlock: index * 2,
    physicalBlock: 500_000 + index * 3,
    blocks: 1,
  }));

interface Tree {
  readonly depth: number;
  readonly nodes: readonly Uint8Array[];
  readonly leaves: readonly Extent[];
}

function encode(extents: readonly Extent[]): Tree & { blocks: number } {
  const nodes: Uint8Array[] = [];
  const map = new Uint8Array(60);
  const append = (node: Uint8Array): number => NODES_AT + nodes.push(node) - 1;
  const blocks = encodeExtents(viewOf(map), extents, { seed: SEED, append });
  return { depth: viewOf(map).getUint16(6, true), nodes, leaves: decode(map, nodes), blocks };
}

/** Decodes the tree in the same way as the kernel. */
function decode(node: Uint8Array, nodes: readonly Uint8Array[]): Extent[] {
  const view = viewOf(node);
  expect(view.getUint16(0, true)).toBe(0xf30a);
  expect(view.getUint16(2, true)).toBeLessThanOrEqual(view.getUint16(4, true));
  const depth = view.getUint16(6, true);
  return Array.from({ length: view.getUint16(2, true) }, (_, index) => 12 + index * 12).flatMap(
    (at) => {
      const logicalBlock = view.getUint32(at, true);
      if (depth === 0) {
        const physicalBlock = view.getUint32(at + 8, true);
        return [{ logicalBlock, physicalBlock, blocks: view.getUint16(at + 4, true) }];
      }
      const below = decode(
        nodes[view.getUint32(at + 4, true) - NODES_AT] ?? new Uint8Array(12),
        nodes,
      );
      expect(below[0]?.logicalBlock).toBe(logicalBlock);
      return below;
    },
  );
}

// extents, depth, nodes
test.each([
  [0, 0, 0],
  [1, 0, 0],
  [4, 0, 0],
  [5, 1, 1],
  [340, 1, 1],
  [341, 1, 2],
  [1360, 1, 4],
  [1361, 2, 6],
  [340 * 340 * 4 + 1, 3, 1361 + 5 + 1],
])("encodeExtents() of %d extents is %d deep", (count, depth, nodes) => {
  const tree = encode(scattered(count));
  expect(tree.depth).toBe(depth);
  expect(tree.nodes.length).toBe(tree.blocks);
  expect(tree.blocks).toBe(nodes);
  expect(tree.leaves).toEqual(scattered(count));
});

test.each([
  [32_768, [32_768]],
  [32_769, [32_768, 1]],
  [100_000, [32_768, 32_768, 32_768, 1696]],
])("encodeExtents() splits %d blocks", (blocks, want) => {
  const { leaves } = encode([{ logicalBlock: 7, physicalBlock: 900, blocks }]);
  expect(leaves.map((leaf) => leaf.blocks)).toEqual(want);
  const last = leaves.at(-1);
  expect((last?.logicalBlock ?? 0) + (last?.blocks ?? 0)).toBe(7 + blocks);
  expect((last?.physicalBlock ?? 0) + (last?.blocks ?? 0)).toBe(900 + blocks);
});

test("encodeExtents() ends each node with its checksum", () => {
  for (const node of encode(scattered(1361)).nodes)
    expect(viewOf(node).getUint32(BLOCK_BYTES - 4, true)).toBe(
      crc32c(SEED, node.subarray(0, BLOCK_BYTES - 4)),
    );
});
