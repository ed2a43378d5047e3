import { expect, test } from "bun:test";
import fc from "fast-check";

import type { Entry, LayerEntries } from "../../src/layer/entry.ts";
import { EntryPacker, unpackEntries } from "../../src/layer/packed-entries.ts";
import { looksBelow } from "../../src/layer/whiteout.ts";
import { byteString, byteStringOf } from "../../src/lib/byte-string.ts";

function packedAndBack(entries: readonly Entry[]): LayerEntries {
  const packer = new EntryPacker();
  for (const entry of entries) packer.add(entry);
  const packed = packer.finish();
  // As between threads.
  return unpackEntries(structuredClone(packed, { transfer: packed.map((one) => one.buffer) }));
}

const text = fc.uint8Array({ maxLength: 300 }).map(byteString);
const marker = fc.constantFrom(".wh.a", "d/.wh..wh..opq", "a.wh.b", ".wh..").map(byteStringOf);
const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const member = {
  path: fc.oneof({ weight: 3, arbitrary: text }, marker),
  mode: fc.nat(0o7777),
  uid: number,
  gid: number,
  mtime: fc.record({ seconds: fc.maxSafeInteger(), nanoseconds: fc.nat(999_999_999) }),
  xattrs: fc.array(fc.record({ name: text, value: text }), { maxLength: 3 }),
};
const extents = fc.array(
  fc.record({ logicalBlock: number, physicalBlock: number, blocks: number }),
  { maxLength: 5 },
);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ kind: fc.constant("file"), ...member, sizeBytes: fc.maxSafeNat(), extents }),
  fc.record({ kind: fc.constantFrom("directory", "fifo"), ...member }),
  fc.record({ kind: fc.constantFrom("symlink", "hardlink"), ...member, target: text }),
  fc.record({
    kind: fc.constantFrom("character", "block"),
    ...member,
    major: number,
    minor: number,
  }),
);

test("entries are the same after they were packed", () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const back = packedAndBack(entries);
      expect([...back]).toEqual(entries);
      expect([...(back.lookingBelow ?? [])]).toEqual(entries.filter(looksBelow));
    }),
  );
});

test("entries of more than one piece, and one that is larger than a piece", () => {
  const common = { mode: 0o777, uid: 1, gid: 2, mtime: { seconds: 3, nanoseconds: 4 }, xattrs: [] };
  const entries = Array.from({ length: 3000 }, (_, index): Entry => {
    const bytes = index === 1500 ? 400_000 : 100;
    return {
      ...common,
      kind: "symlink",
      path: byteString(Buffer.from(`${index}`)),
      target: byteString(Buffer.alloc(bytes, "t")),
    };
  });
  const packer = new EntryPacker();
  for (const one of entries) packer.add(one);
  const packed = packer.finish();
  expect(packed.length).toBeGreaterThanOrEqual(3);
  expect([...unpackEntries(packed)]).toEqual(entries);
});

test("no entries take no memory", () => {
  expect(new EntryPacker().finish()).toEqual([]);
});

test("entries with the same time share it", () => {
  const [one] = fc.sample(entry, { numRuns: 1, seed: 2 });
  const same = { ...(one ?? expect.unreachable()), mtime: { seconds: 7, nanoseconds: 8 } };
  const [first, second] = [...packedAndBack([same, same])];
  expect(second?.mtime).toBe(first?.mtime ?? expect.unreachable());
});
