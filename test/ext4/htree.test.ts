import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import { encodeIndexed } from "../../src/ext4/htree.ts";
import { hashSeedOf } from "../../src/ext4/identity.ts";
import { nameHash } from "../../src/ext4/name-hash.ts";
import { byteStringOf } from "../../src/lib/byte-string.ts";
import { COLLIDING_NAMES, IDENTITY } from "../fakes/ext4-image.ts";
import { readEntries } from "../fakes/directory-block.ts";

const HASH_SEED = hashSeedOf(IDENTITY.uuid);
const hashOf = (name: string): number => nameHash(byteStringOf(name), HASH_SEED);

function encode(names: readonly string[]): Uint8Array[] {
  const entries = names.map((name, index) => ({
    name: byteStringOf(name),
    inode: 100 + index,
    kind: "file" as const,
  }));
  return encodeIndexed(
    { inode: 12, parent: 2, entries },
    { checksum: 1, hash: HASH_SEED, checksums: "metadata" },
  );
}

interface Slot {
  readonly hash: number;
  readonly block: number;
}

function slotsOf(block: Uint8Array, at: number): Slot[] {
  const view = viewOf(block);
  const count = view.getUint16(at + 2, true);
  expect(count).toBeLessThanOrEqual(view.getUint16(at, true));
  return Array.from({ length: count }, (_, index) => ({
    hash: index === 0 ? 0 : view.getUint32(at + index * 8, true),
    block: view.getUint32(at + index * 8 + 4, true),
  }));
}

const levelsOf = (blocks: readonly Uint8Array[]): number => blocks[0]?.[30] ?? -1;

/** Returns the leaves in order, each with its first hash. */
function leavesOf(blocks: readonly Uint8Array[]): Slot[] {
  const top = slotsOf(blocks[0] ?? new Uint8Array(0), 32);
  if (levelsOf(blocks) === 0) return top;
  return top.flatMap(({ hash, block }) =>
    slotsOf(blocks[block] ?? new Uint8Array(0), 8).map((slot, index) =>
      index === 0 ? { ...slot, hash } : slot,
    ),
  );
}

const many = (count: number, length: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index}-`.padEnd(length, "n"));

// 15 names of 255 bytes fill a block; 507 blocks fill the root.
test.each([
  [16, 0, 3],
  [7605, 0, 508],
  [7606, 1, 510],
  [7651, 1, 514],
])("encodeIndexed() of %d long names has %d levels", (count, levels, blockCount) => {
  const names = many(count, 255);
  const blocks = encode(names);
  expect([levelsOf(blocks), blocks.length]).toEqual([levels, blockCount]);
  const leaves = leavesOf(blocks);
  const found = leaves.flatMap(({ hash, block }, index) => {
    const entries = readEntries(blocks[block] ?? new Uint8Array(0));
    const end = leaves[index + 1]?.hash ?? 2 ** 32;
    for (const { name } of entries) {
      expect(hashOf(name)).toBeGreaterThanOrEqual(hash - (hash % 2));
      expect(hashOf(name)).toBeLessThanOrEqual(end - (end % 2));
    }
    return entries.map(({ name }) => name);
  });
  expect(found.toSorted()).toEqual(names.toSorted());
});

test("encodeIndexed() starts with a block that has the form of a linear directory", () => {
  expect(readEntries(encode(many(20, 255))[0] ?? new Uint8Array(0))).toEqual([
    { name: ".", inode: 12, type: 2 },
    { name: "..", inode: 2, type: 2 },
  ]);
});

test("encodeIndexed() marks a block that continues the hash of the previous one", () => {
  const hash = hashOf(COLLIDING_NAMES[0]);
  const before = many(60, 255).filter((name) => hashOf(name) < hash);
  // 15 records of 264 bytes leave 124 of 4084 bytes: five records of 24 bytes fit, a sixth does not.
  const filler = Array.from({ length: 999 }, (_, index) => `f-${index}`.padEnd(13, "-"))
    .filter((name) => hashOf(name) < hash)
    .slice(0, 4);
  const [, second] = leavesOf(encode([...before.slice(0, 15), ...filler, ...COLLIDING_NAMES]));
  expect(second?.hash).toBe(hash + 1);
});
