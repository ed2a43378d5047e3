import fc from "fast-check";

import type { Xattr } from "../../src/tar/entry.ts";
import type { Attributes, DirectoryNode, TreeNode } from "../../src/layer/tree.ts";
import { type ByteString, byteString } from "../../src/lib/byte-string.ts";
import {
  deviceNode,
  directory,
  type Ext4Image,
  fifo,
  symlink,
  xattr,
} from "../fakes/ext4-image.ts";

/** A description of a node, before its data is written to an image. */
type Plan = (image: Ext4Image) => TreeNode;

const ATTRIBUTES: fc.Arbitrary<Attributes> = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.oneof(fc.nat(70_000), fc.constant(2 ** 32 - 2)),
  gid: fc.nat(70_000),
  mtime: fc.record({
    // Times in this range are changed: see timestamp.ts.
    seconds: fc.oneof(
      fc.integer({ min: -(2 ** 31), max: 10_737_418_239 }),
      fc.integer({ min: 12_884_901_888, max: 15_032_385_535 }),
    ),
    nanoseconds: fc.nat(999_999_999),
  }),
  xattrs: fc.uniqueArray(
    fc
      .tuple(
        fc.constantFrom("trusted", "security"),
        fc.stringMatching(/^[a-z.]{1,20}$/),
        fc.uint8Array({ maxLength: 150 }),
      )
      .map(([space, name, value]) => xattr(`${space}.${name}`, value)),
    { maxLength: 8, selector: ({ name }: Xattr) => name },
  ),
});

const TARGET = fc.oneof(fc.integer({ min: 55, max: 65 }), fc.integer({ min: 1, max: 4000 }));

const FILE = fc.record({
  runs: fc.array(fc.tuple(fc.nat(20_000), fc.nat(20_000)), { maxLength: 8 }),
  tailBytes: fc.nat(10_000),
});

const NAME = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) => byteString(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x78 : byte))))
  .filter((name) => ![".", "..", "lost+found"].includes(name));

/** Gaps and lengths of data, then a hole at the end. */
function planFile(
  { runs, tailBytes }: { runs: [number, number][]; tailBytes: number },
  attributes: Attributes,
): Plan {
  let end = 0;
  const placed = runs.map(([gap, length]): readonly [number, Uint8Array] => {
    const start = end + gap;
    end = start + length;
    return [start, new Uint8Array(length).fill((length % 255) + 1)];
  });
  return (image) => ({ ...image.sparseFile(end + tailBytes, placed), ...attributes });
}

const LEAF: fc.Arbitrary<Plan> = fc.oneof(
  fc.tuple(FILE, ATTRIBUTES).map(([file, attributes]) => planFile(file, attributes)),
  fc.tuple(TARGET, ATTRIBUTES).map(
    ([length, attributes]): Plan =>
      () =>
        symlink("t".repeat(length), attributes),
  ),
  fc.tuple(fc.constantFrom("character", "block"), fc.nat(4095), fc.nat(2 ** 20 - 1)).map(
    ([kind, major, minor]): Plan =>
      () =>
        deviceNode(kind, [major, minor]),
  ),
  ATTRIBUTES.map(
    (attributes): Plan =>
      () =>
        fifo(attributes),
  ),
);

const TREE = fc.letrec<{ node: Plan; directory: (image: Ext4Image) => DirectoryNode }>((tie) => ({
  node: fc.oneof({ maxDepth: 4, withCrossShrink: true }, LEAF, tie("directory")),
  directory: fc
    .tuple(
      fc.uniqueArray(fc.tuple(NAME, tie("node")), { maxLength: 30, selector: ([name]) => name }),
      ATTRIBUTES,
    )
    .map(([children, attributes]) => (image: Ext4Image) => {
      const nodes = children.map(([name, plan]): [ByteString, TreeNode] => [name, plan(image)]);
      return { ...directory({}, attributes), children: new Map(nodes) };
    }),
}));

/** Gives some nodes of the root a second name. */
function withHardLinks(root: DirectoryNode, names: readonly ByteString[]): DirectoryNode {
  const files = [...root.children.values()].filter(({ kind }) => kind !== "directory");
  for (const [index, name] of names.entries()) {
    const node = files[index];
    if (node !== undefined && !root.children.has(name)) root.children.set(name, node);
  }
  return root;
}

export const randomRoot: fc.Arbitrary<(image: Ext4Image) => DirectoryNode> = fc
  .tuple(TREE.directory, fc.array(NAME, { maxLength: 5 }))
  .map(
    ([plan, names]) =>
      (image) =>
        withHardLinks(plan(image), names),
  );
