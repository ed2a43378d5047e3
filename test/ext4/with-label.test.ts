import { expect, test } from "bun:test";
import { readRoot } from "../../src/disk/hash-root.ts";
import { relabel } from "../../src/ext4/relabel.ts";
import { usedRuns } from "../../src/ext4/used-runs.ts";
import { withLabel } from "../../src/ext4/with-label.ts";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { directory, Ext4Image, IDENTITY } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";

function disk(checksums: "metadata" | "descriptors"): PagedImage {
  const made = PagedImage.zeros(16 * MiB);
  const image = new Ext4Image(made.file(), {
    checksums,
    identity: { ...IDENTITY, label: "COS_ACTIVE" },
  });
  image.finish(directory({ one: image.file("1") }));
  return made;
}

function relabelTo(image: PagedImage, label: string): void {
  const { offsetBytes, bytes } = relabel(readBlock(image.file(), 1024, 1024), label);
  image.write(offsetBytes, bytes);
}

test("withLabel() gives a file system that was relabelled the hash that it had", async () => {
  const image = disk("descriptors");
  const runs = usedRuns(image.file());
  const rootOf = (label: string): Promise<string> => readRoot(withLabel(image.file(), label), runs);
  const before = await readRoot(image.file(), runs);
  expect(await rootOf("COS_ACTIVE")).toBe(before);
  relabelTo(image, "COS_PASSIVE");
  expect(await readRoot(image.file(), runs)).not.toBe(before);
  expect(await rootOf("COS_ACTIVE")).toBe(before);
  image.write(1024 + 0x78 + 16, Buffer.from("x"));
  expect(await rootOf("COS_ACTIVE")).not.toBe(before);
});

test.each([0, 1024, 1024 + 0x78, 1024 + 0x78 + 5, 1024 + 0x78 + 15, 1024 + 0x88])(
  "withLabel() shows the label also to a read that begins at byte %i",
  (offsetBytes) => {
    const image = disk("descriptors");
    const whole = readBlock(image.file(), 0, 8192);
    relabelTo(image, "COS_PASSIVE");
    for (const sizeBytes of [1, 8, 600, 3000])
      expect(readBlock(withLabel(image.file(), "COS_ACTIVE"), offsetBytes, sizeBytes)).toEqual(
        whole.subarray(offsetBytes, offsetBytes + sizeBytes),
      );
  },
);

test("withLabel() hides nothing of a file system with metadata checksums, and of no file system", () => {
  for (const image of [disk("metadata"), PagedImage.zeros(MiB)]) {
    const file = image.file();
    expect(withLabel(file, "other")).toBe(file);
  }
});
