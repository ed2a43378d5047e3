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
    tell: progressOf(job),
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

/** A layer that an unpacker has in hand. */
interface Begun {
  readonly index: number;
  readonly entries: Promise<LayerEntries>;
  /** Nearly all of it has come. */
  readonly nearEnd: Promise<void>;
}

interface State {
  readonly job: LayerJob;
  readonly signal: AbortSignal;
  readonly queue: Numbered[];
  readonly merger: (index: number, entries: LayerEntries) => void;
  /** So many more bytes have come, of whatever layer. */
  readonly tell: (bytes: number) => void;
}

/**
 * With so much to come a layer is near its end, and its unpacker is given the next: enough for a registry to answer meanwhile, little
 * enough that on a slow line it does not take the answer for abandoned.
 */
const NEAR_END_BYTES = 2 * MiB;

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

/** One unpacker from the first free layer to the last. It never waits for this thread, which may be merging. */
async function drain(state: State, unpacker: Unpacker): Promise<WrittenRange[]> {
  let begun = beginNext(state, unpacker);
  let ranges: Promise<WrittenRange[]> | undefined;
  while (begun !== undefined) {
    const { index, entries, nearEnd } = begun;
    await Promise.race([nearEnd, entries]);
    begun = beginNext(state, unpacker);
    if (begun === undefined) ranges = heard(unpacker.finish());
    state.merger(index, await entries);
  }
  return ranges ?? unpacker.finish();
}

function beginNext({ job, signal, queue, tell }: State, unpacker: Unpacker): Begun | undefined {
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
      tell(bytes);
    },
    onWarning: (text) => job.talk.warn(text),
  });
  return { index, entries: heard(entries), nearEnd: nearEnd.promise };
}

/** Whoever waits for it hears of its failure. What came before it may fail first, and then nobody waits. */
function heard<T>(promise: Promise<T>): Promise<T> {
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
