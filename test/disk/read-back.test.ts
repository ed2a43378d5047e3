import { expect, test } from "bun:test";
import { hashRoot, readRoot } from "../../src/disk/hash-root.ts";
import {
  checkMedium,
  readBack,
  type CheckedRange,
  type HashedRange,
  type ReadBackOptions,
} from "../../src/disk/read-back.ts";
import { runsOf } from "../../src/disk/run.ts";
import { MiB } from "../../src/lib/units.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { LyingDisk } from "../fakes/lying-disk.ts";

const BYTES = Uint8Array.from({ length: 3 * MiB }, (_, index) => (index * 7) % 251);
const RANGES = [
  [2 * MiB, MiB],
  [0, 4096],
  [8192, MiB - 8192],
].map(([offsetBytes = 0, sizeBytes = 0]) => hashed(offsetBytes, sizeBytes));

/** Both functions must find the same errors. Only readBack() also makes the hashes for the state. */
const CHECKS: Readonly<Record<string, Check>> = { readBack, checkMedium };
type Check = (
  file: BlockFile,
  ranges: readonly CheckedRange[],
  options?: ReadBackOptions,
) => Promise<unknown>;
const EACH = Object.entries(CHECKS);

function hashed(offsetBytes: number, sizeBytes: number): CheckedRange & HashedRange {
  const bytes = BYTES.subarray(offsetBytes, offsetBytes + sizeBytes);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest();
  return { offsetBytes, sizeBytes, xxh3: Bun.hash.xxHash3(bytes), sha256 };
}

function flip(disk: LyingDisk, offsetBytes: number): void {
  disk.medium.write(offsetBytes, Uint8Array.of(255));
}

test.each(EACH)("%s() accepts what was written, and reports its progress", async (_, check) => {
  const done: number[] = [];
  await check(new LyingDisk(BYTES).file, RANGES, { onProgress: (bytes) => done.push(bytes) });
  expect(done).toHaveLength(3);
  expect(done).toEqual(done.toSorted((one, other) => one - other));
  expect(done.at(-1)).toBe(2 * MiB - 4096);
});

test.each([
  [0, "the 4096 bytes at 0 are"],
  [4095, "the 4096 bytes at 0 are"],
  [8192, "the 1040384 bytes at 8192 are"],
  [MiB - 1, "the 1040384 bytes at 8192 are"],
  [3 * MiB - 1, "the 1048576 bytes at 2097152 are"],
])(
  "readBack() and checkMedium() find a changed byte at %i that the cache hides",
  async (at, why) => {
    const disk = new LyingDisk(BYTES);
    flip(disk, at);
    for (const [, check] of EACH) await expect(check(disk.file, RANGES)).rejects.toThrow(why);
  },
);

test.each(EACH)("%s() names the first of several wrong ranges", async (_, check) => {
  const disk = new LyingDisk(BYTES);
  flip(disk, 3 * MiB - 1);
  flip(disk, 9000);
  await expect(check(disk.file, RANGES)).rejects.toThrow("at 8192");
});

test.each([4096, 8191, 2 * MiB - 1])(
  "readBack() and checkMedium() ignore byte %i, which was not written",
  async (at) => {
    const disk = new LyingDisk(BYTES);
    flip(disk, at);
    for (const [, check] of EACH) await check(disk.file, RANGES);
  },
);

test.each(EACH)("%s() names the offset where the medium cannot be read", async (_, check) => {
  const disk = new LyingDisk(BYTES);
  disk.readableBytes = MiB;
  const attempt = check(disk.file, RANGES);
  await expect(attempt).rejects.toMatchObject({
    code: "disk",
    message: "Cannot read back lying disk at 2097152: I/O error",
  });
});

test("readBack() stops when its signal fires, and lets timers run in between", async () => {
  const controller = new AbortController();
  const done: number[] = [];
  const ranges = Array.from({ length: 700 }, (_, index) => hashed(index * 4096, 4096));
  const attempt = readBack(new LyingDisk(BYTES).file, ranges, {
    signal: controller.signal,
    onProgress(bytes) {
      done.push(bytes);
      setImmediate(() => controller.abort());
    },
  });
  await expect(attempt).rejects.toMatchObject({ code: "interrupted" });
  expect(done.length).toBeLessThan(ranges.length);
});

test("readBack() reports how much bypassed the page cache", async () => {
  const { file } = new LyingDisk(BYTES);
  const messages: string[] = [];
  const mixed: BlockFile = {
    ...file,
    async read(offsetBytes, target) {
      await file.read(offsetBytes, target);
      return offsetBytes === 8192 ? "cached" : "direct";
    },
  };
  await readBack(mixed, RANGES, { debug: (text) => messages.push(text) });
  expect(messages).toEqual(["Read 2.0 MiB of lying disk, 1.0 MiB of it with O_DIRECT"]);
  await readBack(file, RANGES, { debug: (text) => messages.push(text) });
  expect(messages[1]).toEndWith(", 0 B of it with O_DIRECT");
});

test("readBack() returns the ranges in ascending order with the SHA-256 of the medium's content", async () => {
  const found = await readBack(new LyingDisk(BYTES).file, RANGES);
  const places = found.map(({ offsetBytes, sizeBytes }) => [offsetBytes, sizeBytes]);
  expect(places).toEqual([
    [0, 4096],
    [8192, MiB - 8192],
    [2 * MiB, MiB],
  ]);
  expect(hashRoot(found)).toBe(hashRoot(RANGES));
});

test("readRoot() computes hashRoot() again from the medium", async () => {
  const disk = new LyingDisk(BYTES);
  const root = hashRoot(RANGES);
  expect(await readRoot(disk.file, runsOf(RANGES))).toBe(root);
  expect(hashRoot(RANGES.toReversed())).toBe(root);
  flip(disk, 8192);
  expect(await readRoot(disk.file, runsOf(RANGES))).not.toBe(root);
});
