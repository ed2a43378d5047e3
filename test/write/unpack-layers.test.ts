import { expect, test } from "bun:test";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { Allocator } from "../../src/ext4/allocator.ts";
import type { WrittenRange } from "../../src/ext4/written-range.ts";
import { Merge } from "../../src/layer/merge.ts";
import { LayerEntries } from "../../src/layer/layer-entries.ts";
import { bytesOf, byteStringOf, display } from "../../src/lib/byte-string.ts";
import { TandemError } from "../../src/lib/error.ts";
import { type Progress, SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import type { LayeredSource } from "../../src/source/source.ts";
import { lastToEnd, type LayerJob, unpackLayers } from "../../src/write/unpack-layers.ts";
import { type Unpacker, type UnpackTask, unpackHere } from "../../src/write/unpacker.ts";
import { type MemoryLayers, memoryLayers } from "../fakes/layers.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { turn } from "../fakes/until.ts";

/** Three layers: the middle one is the largest, the lowest one the smallest. */
const LAYERS = memoryLayers([
  [{ path: "name", kind: "symlink", target: "lowest" }],
  [
    { path: "name", kind: "symlink", target: "middle" },
    { path: "data", data: new Uint8Array(5000).fill(7) },
  ],
  [
    { path: "name", kind: "symlink", target: "top" },
    { path: "small", data: "small" },
  ],
]);

function jobOf(more: Partial<LayerJob> = {}): LayerJob {
  return {
    image: LAYERS.resolved,
    layerBytesMax: MiB,
    talk: SILENT,
    signal: new AbortController().signal,
    ...more,
  };
}

/** Unpackers that write to memory, and the labels of the layers that they got. */
function unpackersHere(
  count: number,
  source: LayeredSource = LAYERS,
): { unpackers: Unpacker[]; labels: string[] } {
  const geometry = planGeometry(8 * MiB);
  const allocator = Allocator.create(geometry);
  const target = PagedImage.zeros(8 * MiB).file();
  const labels: string[] = [];
  const unpackers = Array.from({ length: count }, () => {
    const inner = unpackHere({ source, target, allocator });
    return {
      ...inner,
      unpack: (task: UnpackTask) => {
        labels.push(task.layer.label);
        return inner.unpack(task);
      },
    };
  });
  return { unpackers, labels };
}

function linkIn({ root }: Merge): string | undefined {
  const node = root.children.get(byteStringOf("name"));
  return node?.kind === "symlink" ? display(node.target) : undefined;
}

test.each([1, 2, 3, 5])("unpackLayers() with %i unpackers merges in layer order", async (count) => {
  const merge = new Merge();
  const { unpackers } = unpackersHere(count);
  const ranges = await unpackLayers(jobOf(), unpackers, merge);
  expect(linkIn(merge)).toBe("top");
  expect(
    [...merge.root.children.keys()].map((name) => Buffer.from(bytesOf(name)).toString()),
  ).toEqual(["name", "data", "small"]);
  expect(ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeGreaterThanOrEqual(5005);
});

test("unpackLayers() starts with the largest layer", async () => {
  const { unpackers, labels } = unpackersHere(1);
  await unpackLayers(jobOf(), unpackers, new Merge());
  expect(labels.map((label) => label.slice(0, "layer 2 of 3".length))).toEqual([
    "layer 2 of 3",
    "layer 3 of 3",
    "layer 1 of 3",
  ]);
});

/** An unpacker that records its tasks and lets the test resolve them. */
class ManualUnpacker implements Unpacker {
  readonly tasks: UnpackTask[] = [];
  readonly entries: PromiseWithResolvers<LayerEntries>[] = [];
  readonly ranges = Promise.withResolvers<WrittenRange[]>();
  isFinishing = false;

  unpack(task: UnpackTask): Promise<LayerEntries> {
    this.tasks.push(task);
    const answer = Promise.withResolvers<LayerEntries>();
    this.entries.push(answer);
    return answer.promise;
  }

  finish(): Promise<WrittenRange[]> {
    this.isFinishing = true;
    return this.ranges.promise;
  }

  async close() {}
}

/** A job with two layers that are not really read. */
function twoLayers(sizeBytes = 9 * MiB): LayerJob {
  const [first] = LAYERS.resolved.layers;
  const layer = { ...(first ?? expect.unreachable()), sizeBytes };
  return jobOf({ image: { ...LAYERS.resolved, layers: [layer, layer] } });
}

test("unpackLayers() gives an unpacker its next task when a layer is near its end", async () => {
  const unpacker = new ManualUnpacker();
  const running = unpackLayers(twoLayers(), [unpacker], new Merge());
  unpacker.tasks[0]?.onFetched(6 * MiB);
  await turn();
  expect(unpacker.tasks).toHaveLength(1);
  unpacker.tasks[0]?.onFetched(MiB);
  await turn();
  expect(unpacker.tasks).toHaveLength(2);
  unpacker.entries[0]?.resolve(new LayerEntries([]));
  await turn();
  expect(unpacker.isFinishing).toBe(false);
  unpacker.tasks[1]?.onFetched(8 * MiB);
  await turn();
  expect(unpacker.isFinishing).toBe(true);
  unpacker.entries[1]?.resolve(new LayerEntries([]));
  unpacker.ranges.resolve([]);
  expect(await running).toEqual([]);
});

test("unpackLayers() gives an unpacker two small layers at once", async () => {
  const unpacker = new ManualUnpacker();
  const running = unpackLayers(twoLayers(MiB), [unpacker], new Merge());
  await turn();
  expect(unpacker.tasks).toHaveLength(2);
  for (const { resolve } of unpacker.entries) resolve(new LayerEntries([]));
  unpacker.ranges.resolve([]);
  expect(await running).toEqual([]);
});

test("unpackLayers() merges a layer while its unpacker works on the next task", async () => {
  const unpacker = new ManualUnpacker();
  const merge = new Merge();
  const seen: [tasks: number, isFinishing: boolean][] = [];
  merge.apply = () => void seen.push([unpacker.tasks.length, unpacker.isFinishing]);
  const running = unpackLayers(twoLayers(), [unpacker], merge);
  unpacker.entries[0]?.resolve(new LayerEntries([]));
  await turn();
  unpacker.entries[1]?.resolve(new LayerEntries([]));
  await turn();
  expect(seen).toEqual([
    [2, false],
    [2, true],
  ]);
  unpacker.ranges.resolve([]);
  await running;
});

test("unpackLayers() throws the first layer's failure when the next one has failed before", async () => {
  const unpacker = new ManualUnpacker();
  const running = rejection(unpackLayers(twoLayers(), [unpacker], new Merge()));
  unpacker.tasks[0]?.onFetched(9 * MiB);
  await turn();
  unpacker.entries[1]?.reject(new Error("second"));
  unpacker.entries[0]?.reject(new Error("first"));
  expect(await running).toMatchObject({ message: "first" });
});

test.each([
  { sizes: [1], count: 1, isLast: [true] },
  { sizes: [1], count: 2, isLast: [true, false] },
  { sizes: [62, 54, 70, 2], count: 2, isLast: [false, true] },
  { sizes: [10, 10, 10, 10], count: 2, isLast: [true, true] },
  { sizes: [10, 10, 10], count: 2, isLast: [true, false] },
  { sizes: [100, 10, 10, 10], count: 3, isLast: [true, false, false] },
  { sizes: [], count: 2, isLast: [true, true] },
])(
  "lastToEnd() for layers of $sizes and $count unpackers is $isLast",
  ({ sizes, count, isLast }) => {
    const [layer] = LAYERS.resolved.layers;
    const layers = sizes.map((sizeBytes) => ({ ...(layer ?? expect.unreachable()), sizeBytes }));
    expect(lastToEnd(layers, count)).toEqual(isLast);
  },
);

test("unpackLayers() reports its progress over all layers", async () => {
  const progress: Progress[] = [];
  const talk = { ...SILENT, progress: (one: Progress) => void progress.push(one) };
  await unpackLayers(jobOf({ talk }), unpackersHere(2).unpackers, new Merge());
  const totalBytes = LAYERS.blobs.reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(progress.at(-1)).toEqual({
    step: "Fetching and unpacking",
    doneBytes: totalBytes,
    totalBytes,
  });
  expect(progress).toHaveLength(3);
});

/** The source with one layer that throws `failure`. The other layers end only when their signal fires. */
function failing(
  failure: Error,
  index: number,
): MemoryLayers & {
  readonly requested: string[];
  readonly stopped: string[];
  readonly waits: Promise<void>;
} {
  const requested: string[] = [];
  const stopped: string[] = [];
  const { promise: waits, resolve } = Promise.withResolvers<void>();
  const { digest } = LAYERS.resolved.layers[index] ?? { digest: "" };
  return {
    ...LAYERS,
    // oxlint-disable-next-line require-yield -- It yields nothing.
    async *blob(layer, { signal } = {}) {
      requested.push(layer.digest);
      await Promise.resolve();
      if (layer.digest === digest) throw failure;
      await new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          stopped.push(layer.digest);
          reject(new Error("stopped by the other"));
        });
        resolve();
      });
    },
    requested,
    stopped,
    waits,
  };
}

test.each([0, 1, 2])(
  "unpackLayers() throws the first error, and stops the others (%i)",
  async (at) => {
    const first = new TandemError("network", "Cannot fetch it: the cable was pulled");
    const source = failing(first, at);
    const { unpackers } = unpackersHere(3, source);
    const error = await rejection(unpackLayers(jobOf(), unpackers, new Merge()));
    expect(error).toMatchObject({ code: "network", message: first.message });
    expect(source.stopped).toHaveLength(2);
  },
);

test("unpackLayers() starts no other layer after an error", async () => {
  const source = failing(new Error("broken"), 1);
  const { unpackers } = unpackersHere(1, source);
  await expect(unpackLayers(jobOf(), unpackers, new Merge())).rejects.toThrow("broken");
  expect(source.requested).toHaveLength(1);
});

test('unpackLayers() throws "interrupted" when its signal fires, whatever error that causes in a layer', async () => {
  const stop = new AbortController();
  const source = failing(new Error("never"), -1);
  const { unpackers } = unpackersHere(2, source);
  const running = rejection(unpackLayers(jobOf({ signal: stop.signal }), unpackers, new Merge()));
  await source.waits;
  stop.abort();
  expect(await running).toMatchObject({
    code: "interrupted",
    message: "Stopped on request while layers came in",
    printed: expect.stringContaining("stopped by the other"),
  });
});

test("unpackLayers() checks its signal between two chunks", async () => {
  const stop = new AbortController();
  const endless: MemoryLayers = {
    ...LAYERS,
    async *blob() {
      for (;;) {
        yield new Uint8Array(512);
        await turn();
        stop.abort();
      }
    },
  };
  const { unpackers } = unpackersHere(1, endless);
  const job = jobOf({ signal: stop.signal });
  expect(await rejection(unpackLayers(job, unpackers, new Merge()))).toMatchObject({
    code: "interrupted",
  });
});

test("unpackLayers() refuses a layer that unpacks to more than the limit", async () => {
  const job = jobOf({ layerBytesMax: 3000 });
  const error = await rejection(unpackLayers(job, unpackersHere(1).unpackers, new Merge()));
  expect(error).toMatchObject({
    code: "content",
    message: expect.stringContaining("layer 2 of 3 (sha256:"),
  });
});
