import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { durableFiles } from "../../src/system/durable-files.ts";
import { pattern } from "../fakes/image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("create() writes all chunks, and read() returns them", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("file");
  const bytes = pattern(3_000_000);
  durableFiles.create(path, [bytes.subarray(0, 17), bytes.subarray(17)]);
  expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
  const read = [...durableFiles.read(path)].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(read).toBe(3_000_000);
  expect(() => durableFiles.create(path, [])).toThrow("EEXIST");
  expect(readFileSync(path).byteLength).toBe(3_000_000);
});

function* chunks(): Generator<Uint8Array> {
  yield pattern(10);
  throw new Error("no more");
}

test("create() leaves nothing when its chunks fail", async () => {
  await using folder = await temporaryFolder();
  expect(() => durableFiles.create(folder.in("file"), chunks())).toThrow("no more");
  expect(durableFiles.list(folder.path)).toEqual([]);
});

test("makeFolder(), list() and remove() accept existing and missing paths", async () => {
  await using folder = await temporaryFolder();
  const sub = folder.in("sub");
  durableFiles.makeFolder(sub);
  durableFiles.makeFolder(sub);
  durableFiles.create(folder.in("sub/file"), [pattern(5)]);
  expect(durableFiles.list(folder.path)?.map(({ name, isFolder }) => [name, isFolder])).toEqual([
    ["sub", true],
  ]);
  expect(durableFiles.list(sub)).toEqual([{ name: "file", isFolder: false, sizeBytes: 5 }]);
  durableFiles.remove(folder.in("sub/file"));
  durableFiles.remove(folder.in("sub/file"));
  expect([durableFiles.list(sub), durableFiles.list(folder.in("none"))]).toEqual([[], undefined]);
  expect(durableFiles.freeBytes(sub)).toBeGreaterThan(0);
});
