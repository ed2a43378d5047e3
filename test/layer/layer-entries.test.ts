import { expect, test } from "bun:test";
import fc from "fast-check";

import type { Entry } from "../../src/tar/entry.ts";
import { EntryPacker } from "../../src/layer/entry-packer.ts";
import { LayerEntries, type PackedEntry } from "../../src/layer/layer-entries.ts";
import { splitPath } from "../../src/tar/path.ts";
import { refersToLower } from "../../src/layer/whiteout.ts";
import { byteString, byteStringOf } from "../../src/lib/byte-string.ts";

function packedAndBack(entries: readonly Entry[]): LayerEntries {
  const packer = new EntryPacker();
  for (const entry of entries) packer.add(entry);
  const packed = packer.finish();
  // Send the entries as a message to a thread would.
  return new LayerEntries(structuredClone(packed, { transfer: packed.map((one) => one.buffer) }));
}

/** Returns the fields that each kind has. */
function unpacked(entries: Iterable<PackedEntry>): Entry[] {
  return Array.from(entries, (entry) => {
    const { kind, path, mode, uid, gid, mtime, xattrs } = entry;
    const base = { path, mode, uid, gid, mtime, xattrs };
    switch (kind) {
      case "file":
        return { kind, ...base, sizeBytes: entry.sizeBytes, extents: entry.extents };
      case "symlink":
      case "hardlink":
        return { kind, ...base, target: entry.target };
      case "character":
      case "block":
        return { kind, ...base, major: entry.major, minor: entry.minor };
      case "directory":
      case "fifo":
        return { kind, ...base };
    }
  });
}

const text = fc.uint8Array({ maxLength: 300 }).map(byteString);
const markerPath = fc.constantFrom(".wh.a", "d/.wh..wh..opq", "a.wh.b", ".wh..").map(byteStringOf);
const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const member = {
  path: fc.oneof({ weight: 3, arbitrary: text }, markerPath),
  mode: fc.nat(0o7777),
  uid: number,
  gid: number,
  mtime: fc.record({ seconds: fc.maxSafeInteger(), nanoseconds: fc.nat(999_999_999) }),
  xattrs: fc.array(fc.record({ name: text, value: text }), { maxLength: 3 }),
};
const plainMember = {
  path: byteStringOf("a"),
  mode: 0o777,
  uid: 1,
  gid: 2,
  mtime: { seconds: 3, nanoseconds: 4 },
  xattrs: [],
};
const extentList = fc.array(
  fc.record({ logicalBlock: number, physicalBlock: number, blocks: number }),
  { maxLength: 5 },
);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    kind: fc.constant("file"),
    ...member,
    sizeBytes: fc.maxSafeNat(),
    extents: extentList,
  }),
  fc.record({ kind: fc.constantFrom("directory", "fifo"), ...member }),
  fc.record({ kind: fc.constantFrom("symlink", "hardlink"), ...member, target: text }),
  fc.record({
    kind: fc.constantFrom("character", "block"),
    ...member,
    major: number,
    minor: number,
  }),
);

test("LayerEntries returns the entries that EntryPacker packed", () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const back = packedAndBack(entries);
      expect(unpacked(back)).toEqual(entries);
      const places = Array.from(back, ({ parent, name }) => ({ parent, name }));
      expect(places).toEqual(entries.map(({ path }) => splitPath(path)));
      expect(unpacked(back.referringToLower())).toEqual(entries.filter(refersToLower));
    }),
  );
});

test("EntryPacker packs entries into several pieces, also an entry larger than a piece", () => {
  const entries = Array.from({ length: 3000 }, (_, index): Entry => {
    const bytes = index === 1500 ? 400_000 : 100;
    return {
      ...plainMember,
      kind: "symlink",
      path: byteString(Buffer.from(`${index}`)),
      target: byteString(Buffer.alloc(bytes, "t")),
    };
  });
  const packer = new EntryPacker();
  for (const one of entries) packer.add(one);
  const packed = packer.finish();
  expect(packed.length).toBeGreaterThanOrEqual(3);
  expect(unpacked(new LayerEntries(packed))).toEqual(entries);
});

test("EntryPacker without entries has no pieces", () => {
  expect(new EntryPacker().finish()).toEqual([]);
});

test("PackedEntry.marker is the entry's marker", () => {
  const paths = ["a/.wh.c", ".wh..wh..opq", "a.wh.b", "c"].map(byteStringOf);
  const back = packedAndBack(paths.map((path) => ({ ...plainMember, kind: "fifo", path })));
  const kinds = Array.from(back, ({ marker }) => marker?.kind);
  expect(kinds).toEqual(["whiteout", "opaque", undefined, undefined]);
});

test("PackedEntry.extents can be replaced", () => {
  const file = { kind: "file", sizeBytes: 9000, extents: [], ...plainMember } as const;
  const [back = expect.unreachable()] = packedAndBack([file]);
  const given = [{ logicalBlock: 0, physicalBlock: 7, blocks: 3 }];
  back.extents = given;
  expect(back.extents).toEqual(given);
});
