import type { WrittenRange } from "../ext4/written-range.ts";
import type { Entry } from "../layer/entry.ts";
import type { Merge } from "../layer/merge.ts";
import { defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import type { Image, LayerDescriptor } from "../oci/manifest.ts";
import type { Unpacker } from "./unpacker.ts";

export interface LayerJob {
  readonly image: Image;
  /** What a layer may unpack to. More is an attack or a mistake, since all of it lies in the target. */
  readonly layerBytesMax: number;
  readonly talk: Talk;
  readonly signal: AbortSignal;
}

/**
 * Unpacks all layers, the largest first so that the threads end together, and merges their entries in layer order as soon as
 * everything below has come. The first failure stops the others and is the one that is thrown.
 */
export async function unpackLayers(
  job: LayerJob,
  unpackers: readonly Unpacker[],
  merge: Merge,
): Promise<WrittenRange[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, job.signal]);
  const state: State = {
    job,
    signal,
    queue: bySize(job.image.layers),
    merger: inOrder(job, merge),
    fetchedBytes: 0,
  };
  try {
    const ranges = await Promise.all(unpackers.map((unpacker) => drain(state, unpacker)));
    return ranges.flat();
  } catch (error) {
    stop.abort();
    if (job.signal.aborted)
      throw new TandemError("interrupted", "Stopped on request while layers came in", {
        cause: error,
      });
    throw error;
  }
}

interface Numbered {
  readonly index: number;
  readonly layer: LayerDescriptor;
}

/** A layer that is unpacked. */
interface Done {
  readonly index: number;
  readonly entries: Iterable<Entry>;
}

interface State {
  readonly job: LayerJob;
  readonly signal: AbortSignal;
  readonly queue: Numbered[];
  readonly merger: (index: number, entries: Iterable<Entry>) => void;
  fetchedBytes: number;
}

/** Ends this near to the last one are taken for the same. */
const SAME_END = 0.9;

/**
 * For each of `count` unpackers that work as unpackLayers() has them, whether it will be among the last to end. It is theirs what the
 * whole takes, so the others had better not stand in their way.
 */
export function lastToEnd(layers: readonly LayerDescriptor[], count: number): readonly boolean[] {
  const ends = Array.from({ length: count }, () => 0);
  for (const { layer } of bySize(layers)) {
    const first = ends.indexOf(Math.min(...ends));
    ends[first] = (ends[first] ?? 0) + layer.sizeBytes;
  }
  const last = Math.max(...ends);
  return ends.map((end) => end >= SAME_END * last);
}

function bySize(layers: readonly LayerDescriptor[]): Numbered[] {
  return layers
    .map((layer, index) => ({ index, layer }))
    .toSorted((one, other) => other.layer.sizeBytes - one.layer.sizeBytes);
}

/** One unpacker from the first free layer to the last. It has the next one in hand while this thread merges. */
async function drain(state: State, unpacker: Unpacker): Promise<WrittenRange[]> {
  let done: Done | undefined;
  for (let next = state.queue.shift(); next !== undefined; next = state.queue.shift())
    [done] = await Promise.all([unpackOne(state, unpacker, next), mergeOne(state, done)]);
  const ranges = await unpacker.finish();
  // It is gone before its last layer is merged: both together take most memory.
  unpacker.close();
  await mergeOne(state, done);
  return ranges;
}

/** Rejects instead of throwing, so that it can go beside what may fail, too. */
// oxlint-disable-next-line require-await -- see above
async function mergeOne({ merger }: State, done: Done | undefined): Promise<void> {
  if (done !== undefined) merger(done.index, done.entries);
}

async function unpackOne(
  state: State,
  unpacker: Unpacker,
  { index, layer }: Numbered,
): Promise<Done> {
  const { job, signal } = state;
  const totalBytes = job.image.layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const entries = await unpacker.unpack({
    layer: {
      label: labelOf(job, index),
      mediaType: layer.mediaType,
      diffId: layer.diffId,
      outputBytesMax: job.layerBytesMax,
    },
    blob: { digest: layer.digest, sizeBytes: layer.sizeBytes },
    signal,
    onFetched: (bytes) => {
      state.fetchedBytes += bytes;
      const doneBytes = state.fetchedBytes;
      job.talk.progress({ step: "Fetching and unpacking", doneBytes, totalBytes });
    },
    onWarning: (text) => job.talk.warn(text),
  });
  return { index, entries };
}

function inOrder(job: LayerJob, merge: Merge): (index: number, entries: Iterable<Entry>) => void {
  const waiting = new Map<number, Iterable<Entry>>();
  let next = 0;
  return (index, entries) => {
    waiting.set(index, entries);
    for (; waiting.has(next); next += 1) {
      merge.apply(defined(waiting.get(next), "entries"), labelOf(job, next));
      waiting.delete(next);
    }
  };
}

function labelOf({ image }: LayerJob, index: number): string {
  return `layer ${index + 1} of ${image.layers.length} (${image.layers[index]?.digest.slice(0, 19)})`;
}
