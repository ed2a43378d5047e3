import type { WrittenRange } from "../ext4/written-range.ts";
import type { LayerEntries } from "../layer/layer-entries.ts";
import type { Merge } from "../layer/merge.ts";
import { defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import { MiB } from "../lib/units.ts";
import type { Image, LayerDescriptor } from "../oci/manifest.ts";
import type { Unpacker } from "./unpacker.ts";

export interface LayerJob {
  readonly image: Image;
  /** The size limit of an unpacked layer. All of it has to fit into the target, so more is an error or an attack. */
  readonly layerBytesMax: number;
  readonly talk: Talk;
  readonly signal: AbortSignal;
}

/**
 * Unpacks all layers, the largest first, so that the threads end at about the same time. Merges the entries of a layer
 * as soon as all layers below are merged. The first failure stops all unpackers and is thrown.
 */
export async function unpackLayers(
  job: LayerJob,
  unpackers: readonly Unpacker[],
  merge: Merge,
): Promise<WrittenRange[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, job.signal]);
  const state: UnpackState = {
    job,
    signal,
    queue: bySize(job.image.layers),
    merger: inOrder(job, merge),
    report: progressOf(job),
  };
  try {
    const ranges = await Promise.all(unpackers.map((unpacker) => runUnpacker(state, unpacker)));
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

/** A layer that an unpacker works on. */
interface StartedLayer {
  readonly index: number;
  readonly entries: Promise<LayerEntries>;
  /** Resolves when nearly all of the blob has arrived. */
  readonly nearEnd: Promise<void>;
}

interface UnpackState {
  readonly job: LayerJob;
  readonly signal: AbortSignal;
  readonly queue: Numbered[];
  readonly merger: (index: number, entries: LayerEntries) => void;
  /** Called with the count of new bytes, of any layer. */
  readonly report: (bytes: number) => void;
}

/**
 * When this much of a layer is missing, its unpacker gets the next layer. That is enough time for a registry to answer.
 * It is short enough that on a slow connection the registry does not close the idle answer.
 */
const NEAR_END_BYTES = 2 * MiB;

/** Unpackers that end within this share of the longest time count as ending last. */
const SAME_END = 0.9;

/**
 * Returns for each of `count` unpackers in unpackLayers() whether it is expected to end last. These unpackers determine
 * the total time, so the others should leave them the processors.
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

/**
 * Gives layers to one unpacker until none is left. The unpacker always has its next layer early, because this thread
 * may be busy merging.
 */
async function runUnpacker(state: UnpackState, unpacker: Unpacker): Promise<WrittenRange[]> {
  let started = startNext(state, unpacker);
  let ranges: Promise<WrittenRange[]> | undefined;
  while (started !== undefined) {
    const { index, entries, nearEnd } = started;
    await Promise.race([nearEnd, entries]);
    started = startNext(state, unpacker);
    if (started === undefined) ranges = awaitedLater(unpacker.finish());
    state.merger(index, await entries);
  }
  return ranges ?? unpacker.finish();
}

function startNext(
  { job, signal, queue, report }: UnpackState,
  unpacker: Unpacker,
): StartedLayer | undefined {
  const next = queue.shift();
  if (next === undefined) return undefined;
  const { index, layer } = next;
  const nearEnd = Promise.withResolvers<void>();
  let leftBytes = layer.sizeBytes;
  const count = (bytes: number): void => {
    leftBytes -= bytes;
    if (leftBytes <= NEAR_END_BYTES) nearEnd.resolve();
  };
  count(0);
  const entries = unpacker.unpack({
    layer: {
      label: labelOf(job, index),
      mediaType: layer.mediaType,
      diffId: layer.diffId,
      outputBytesMax: job.layerBytesMax,
    },
    blob: { digest: layer.digest, sizeBytes: layer.sizeBytes },
    signal,
    onFetched: (bytes) => {
      count(bytes);
      report(bytes);
    },
    onWarning: (text) => job.talk.warn(text),
  });
  return { index, entries: awaitedLater(entries), nearEnd: nearEnd.promise };
}

/**
 * Marks a promise as handled. It is awaited later, or never when an earlier one fails; then its failure must not end
 * the process.
 */
function awaitedLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function progressOf({ image, talk }: LayerJob): (bytes: number) => void {
  const totalBytes = image.layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let doneBytes = 0;
  return (bytes) => {
    doneBytes += bytes;
    talk.progress({ step: "Fetching and unpacking", doneBytes, totalBytes });
  };
}

function inOrder(job: LayerJob, merge: Merge): (index: number, entries: LayerEntries) => void {
  const waiting = new Map<number, LayerEntries>();
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
