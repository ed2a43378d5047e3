import { expect, test } from "bun:test";
import { rangesOf } from "../../src/disk/run.ts";
import { usedRuns } from "../../src/ext4/used-runs.ts";
import { GiB, MiB } from "../../src/lib/units.ts";
import { directory, Ext4Image } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";

test.each(["metadata", "descriptors"] as const)(
  "usedRuns() are the blocks that are in use, with checksums of %s",
  (checksums) => {
    const disk = PagedImage.zeros(4 * GiB);
    const image = new Ext4Image(disk.file(), { checksums });
    const { usedBytes, ranges, dataRanges } = image.finish(
      directory({ one: image.file(Buffer.alloc(3 * MiB, "1")), two: image.file("2") }),
    );
    const runs = usedRuns(disk.file());
    expect(runs.reduce((sum, [, blocks]) => sum + blocks * 4096, 0)).toBe(usedBytes);
    const used = new Set(
      rangesOf(runs).flatMap(({ offsetBytes, sizeBytes }) =>
        Array.from({ length: sizeBytes / 4096 }, (_, index) => offsetBytes / 4096 + index),
      ),
    );
    for (const { offsetBytes, sizeBytes } of [...ranges, ...dataRanges])
      for (let at = 0; at < sizeBytes; at += 4096)
        expect(used.has((offsetBytes + at) / 4096)).toBe(true);
    // The backups in groups without data.
    expect(runs.at(-1)).toEqual([27 * 32_768, 2]);
  },
);

function message(of: PagedImage): unknown {
  try {
    return usedRuns(of.file("x"));
  } catch (error) {
    return String(error);
  }
}

test("usedRuns() refuses what is no file system, a damaged one, and one that is cut off", () => {
  const disk = PagedImage.zeros(64 * MiB);
  expect(message(disk)).toBe("TandemError: Cannot read the file system of x: there is none");
  new Ext4Image(disk.file()).finish(directory());
  const damaged = disk.fork();
  damaged.write(4096, Buffer.from("damage"));
  expect(message(damaged)).toBe(
    "TandemError: Cannot read the file system of x: the checksum of group 0 is wrong",
  );
  expect(message(PagedImage.of(disk.bytes().subarray(0, 32 * MiB)))).toBe(
    "TandemError: Cannot read the file system of x: it has 16384 blocks, more than there is room for",
  );
});
