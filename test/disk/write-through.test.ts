import { expect, test } from "bun:test";
import { writeThrough } from "../../src/disk/write-through.ts";
import { LyingDisk } from "../fakes/lying-disk.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";

test("writeThrough() writes, then flushes", async () => {
  const disk = new RecordedDisk(8192);
  await writeThrough(disk.file, 4096, Uint8Array.of(1, 2));
  expect(disk.operations.map(({ kind }) => kind)).toEqual(["write", "flush"]);
  expect(disk.image().bytes().subarray(4095, 4099)).toEqual(Uint8Array.of(0, 1, 2, 0));
});

test("writeThrough() throws when the medium did not store the bytes", async () => {
  const disk = new LyingDisk(new Uint8Array(8192));
  const { file } = disk;
  const attempt = writeThrough(
    { ...file, flush: () => Promise.resolve(disk.medium.write(0, Uint8Array.of(9))) },
    0,
    Uint8Array.of(1, 2),
  );
  await expect(attempt).rejects.toMatchObject({
    code: "disk",
    message: "Cannot write 2 bytes at 0 of lying disk: the medium holds something else afterwards",
  });
});
