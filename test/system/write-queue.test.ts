import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LinuxWriteQueue, type Written } from "../../src/system/write-queue.ts";
import { until } from "../fakes/until.ts";

const EBADF = 9;
const folder = mkdtempSync(join(tmpdir(), "tandem-queue-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("LinuxWriteQueue returns each write with its index and its number of bytes", () => {
  const path = join(folder, "file");
  const fd = openSync(path, "w");
  const queue = new LinuxWriteQueue(fd, 3);
  const writes = [10, 20, 30].map((sizeBytes) => new Uint8Array(sizeBytes).fill(sizeBytes));
  let offsetBytes = 0;
  for (const [index, bytes] of writes.entries()) {
    queue.write(index, offsetBytes, bytes);
    offsetBytes += bytes.byteLength;
  }
  const results: number[][] = [];
  while (queue.length > 0)
    for (const { index, writtenBytes } of queue.wait()) results.push([index, writtenBytes]);
  expect(results.toSorted(([one = 0], [other = 0]) => one - other)).toEqual([
    [0, 10],
    [1, 20],
    [2, 30],
  ]);
  queue.close();
  expect(readFileSync(path)).toEqual(Buffer.concat(writes));
});

test("ended() of a LinuxWriteQueue returns at once what has ended", async () => {
  const queue = new LinuxWriteQueue(openSync(join(folder, "ended"), "w"), 3);
  expect([...queue.ended()]).toEqual([]);
  queue.write(7, 0, new Uint8Array(10));
  const found: Written[] = [];
  await until(() => {
    found.push(...queue.ended());
    return queue.length === 0;
  });
  expect(found).toEqual([{ index: 7, writtenBytes: 10 }]);
  queue.close();
});

test("LinuxWriteQueue throws when a write cannot start", () => {
  const queue = new LinuxWriteQueue(openSync("/dev/null", "r"), 1);
  expect(() => queue.write(0, 0, new Uint8Array(1))).toThrow(
    expect.objectContaining({ errno: EBADF }),
  );
  expect(queue.length).toBe(0);
  queue.close();
});
