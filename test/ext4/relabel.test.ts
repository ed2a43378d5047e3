import { expect, test } from "bun:test";
import fc from "fast-check";
import { mountableLabel, type Patch, relabel } from "../../src/ext4/relabel.ts";
import { MiB } from "../../src/lib/units.ts";
import { directory, Ext4Image, IDENTITY } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";

const SECTOR_BYTES = 512;

function superblockOf(checksums: "metadata" | "descriptors"): Uint8Array {
  const file = PagedImage.zeros(8 * MiB).file();
  new Ext4Image(file, { checksums, identity: { ...IDENTITY, label: "COS_ACTIVE" } }).finish(
    directory(),
  );
  const bytes = new Uint8Array(1024);
  file.readInto(1024, bytes);
  return bytes;
}

/** The superblock after only the sectors before `end` of the file system were written. */
function written(superblock: Uint8Array, { offsetBytes, bytes }: Patch, end = 2048): Uint8Array {
  const after = superblock.slice();
  after.set(bytes.subarray(0, Math.max(0, end - offsetBytes)), offsetBytes - 1024);
  return after;
}

test.each(["metadata", "descriptors"] as const)("relabel() with checksums of %s", (checksums) => {
  const before = superblockOf(checksums);
  const label = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 16 });
  fc.assert(
    fc.property(label, (name) => {
      const after = written(before, relabel(before, name));
      expect(mountableLabel(after)).toBe(name);
      expect(mountableLabel(written(after, relabel(after, "COS_ACTIVE")))).toBe("COS_ACTIVE");
    }),
  );
});

test("without metadata checksums the label lies in one sector", () => {
  const { offsetBytes, bytes } = relabel(superblockOf("descriptors"), "COS_PASSIVE");
  expect([offsetBytes, bytes.byteLength]).toEqual([0x478, 16]);
  expect(Math.floor((0x478 + 15) / SECTOR_BYTES)).toBe(Math.floor(0x478 / SECTOR_BYTES));
});

test("a torn relabel() of metadata checksums shows, and the next one repairs it", () => {
  const before = superblockOf("metadata");
  const torn = written(before, relabel(before, "COS_PASSIVE"), 1024 + SECTOR_BYTES);
  expect(mountableLabel(torn)).toBeUndefined();
  expect(mountableLabel(written(torn, relabel(torn, "COS_PASSIVE")))).toBe("COS_PASSIVE");
});

test("relabel() throws without an ext4 superblock, and for a label of 17 bytes", () => {
  expect(mountableLabel(new Uint8Array(1024))).toBeUndefined();
  expect(() => relabel(new Uint8Array(1024), "x")).toThrow("it has no ext4 superblock");
  expect(() => relabel(superblockOf("metadata"), "seventeen letters")).toThrow("16 bytes");
});
