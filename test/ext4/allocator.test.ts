import { expect, test } from "bun:test";
import fc from "fast-check";
import { Allocator } from "../../src/ext4/allocator.ts";
import type { ChunkRun } from "../../src/ext4/geometry.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { MiB } from "../../src/lib/units.ts";

const geometryOf = (...runs: readonly ChunkRun[]): ReturnType<typeof planGeometry> => ({
  ...planGeometry(4 * MiB),
  runs,
});
const TWO_RUNS = geometryOf({ chunk: 1, chunks: 3 }, { chunk: 10, chunks: 5 });

const chunksOf = (runs: readonly ChunkRun[]): number[] =>
  runs.flatMap(({ chunk, chunks }) => Array.from({ length: chunks }, (_, index) => chunk + index));

test.each<[string, number[], ChunkRun[]]>([
  ["first run first", [1], [{ chunk: 2, chunks: 1 }]],
  ["side by side", [4], [{ chunk: 1, chunks: 1 }]],
  ["the gap is filled later", [4, 2], [{ chunk: 3, chunks: 1 }]],
  [
    "in pieces, largest first",
    [],
    [
      { chunk: 10, chunks: 5 },
      { chunk: 1, chunks: 2 },
    ],
  ],
])("take() %s", (_, before, want) => {
  const allocator = Allocator.create(TWO_RUNS);
  for (const chunks of before) allocator.take(chunks);
  expect(allocator.take(want.reduce((sum, { chunks }) => sum + chunks, 0))).toEqual(want);
});

test("take() gives out each chunk once, for requests of any size", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 4 })), (requests) => {
      const allocator = Allocator.create(TWO_RUNS);
      const twin = Allocator.attach(TWO_RUNS, allocator.shared);
      const got: number[] = [];
      for (const [index, chunks] of requests.entries()) {
        if (chunks * MiB > allocator.freeBytes) continue;
        got.push(...chunksOf((index % 2 === 0 ? allocator : twin).take(chunks)));
      }
      expect(new Set(got).size).toBe(got.length);
      expect(got.every((chunk) => chunksOf(TWO_RUNS.runs).includes(chunk))).toBeTrue();
      expect(allocator.freeBytes).toBe((8 - got.length) * MiB);
    }),
  );
});

test("take() names the missing space", () => {
  const allocator = Allocator.create(TWO_RUNS);
  allocator.take(6);
  expect(() => allocator.take(3)).toThrow(
    "Cannot place 3.0 MiB more in the file system: 2.0 MiB of its 8.0 MiB are left",
  );
});

test("take() from several threads gives out each chunk once", async () => {
  const geometry = geometryOf({ chunk: 0, chunks: 20_000 }, { chunk: 30_000, chunks: 20_000 });
  const { shared } = Allocator.create(geometry);
  const workers = Array.from(
    { length: 3 },
    () => new Worker(new URL("take-all.ts", import.meta.url)),
  );
  const got = await Promise.all(
    workers.map(
      (worker) =>
        new Promise<number[]>((resolve, reject) => {
          worker.addEventListener("message", ({ data }) => resolve(data));
          worker.addEventListener("error", reject);
          worker.postMessage({ geometry, shared });
        }),
    ),
  );
  for (const worker of workers) worker.terminate();
  expect(got.flat().toSorted((one, other) => one - other)).toEqual(chunksOf(geometry.runs));
});
