import { afterEach, expect, test } from "bun:test";

import { BUFFER_BYTES } from "../../src/layer/output-hash.ts";
import type { LaneMemory } from "../../src/write/hash-lane.ts";
import { startHashers } from "../../src/write/hashers.ts";
import type { Streams } from "../fakes/hash-client.ts";
import { patternOf } from "../fakes/pattern.ts";

const opened: { close(): void }[] = [];
afterEach(() => opened.splice(0).forEach((one) => one.close()));

function lanes(count: number): readonly LaneMemory[] {
  const hashers = startHashers(count, () => {});
  opened.push(hashers);
  return hashers.lanes;
}

function client(streams: Streams): Promise<unknown> {
  const worker = new Worker(new URL("../fakes/hash-client.ts", import.meta.url).href);
  opened.push({ close: () => worker.terminate() });
  worker.postMessage(streams);
  return new Promise((resolve) => {
    worker.addEventListener("message", ({ data }: MessageEvent<unknown>) => resolve(data), {
      once: true,
    });
    worker.addEventListener("error", ({ message }) => resolve(message), { once: true });
  });
}

function hashOf(pieces: readonly number[]): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const length of pieces) hash.update(patternOf(length));
  return hash.digest("hex");
}

const STREAMS: readonly (readonly number[])[] = [
  [1, 100, BUFFER_BYTES, 3],
  [],
  Array.from({ length: 40 }, () => BUFFER_BYTES),
  [0, 5],
];

test.each([true, false])(
  "hashInLane() computes the same hashes in another thread (in the lane's buffers: %p)",
  async (inBuffers) => {
    const [lane = expect.unreachable()] = lanes(1);
    expect(await client({ lane, streams: STREAMS, inBuffers })).toEqual(STREAMS.map(hashOf));
  },
);

test("hashInLane() accepts more bytes than a buffer holds", async () => {
  const [lane = expect.unreachable()] = lanes(1);
  const streams = [[3 * BUFFER_BYTES + 1, 20 * BUFFER_BYTES]];
  expect(await client({ lane, streams, inBuffers: false })).toEqual(streams.map(hashOf));
});

test("serveLanes() keeps several lanes apart", async () => {
  const all = lanes(5);
  expect(all).toHaveLength(5);
  const streams = all.map((_, index) => Array.from({ length: 30 }, () => 1000 + index));
  const answers = await Promise.all(
    all.map((lane, index) =>
      client({ lane, streams: [streams[index] ?? []], inBuffers: index % 2 === 0 }),
    ),
  );
  expect(answers).toEqual(streams.map((pieces) => [hashOf(pieces)]));
});

test("hashInLane() throws when the hasher was closed", async () => {
  const [lane = expect.unreachable()] = lanes(1);
  opened.splice(0).forEach((one) => one.close());
  const streams = [Array.from({ length: 20 }, () => 10)];
  expect(await client({ lane, streams, inBuffers: true })).toContain("the hasher was stopped");
});
