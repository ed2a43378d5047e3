import type { WrittenRange } from "../ext4/written-range.ts";
import { formatBytes } from "../lib/units.ts";
import type { Image } from "../oci/manifest.ts";
import type { LayeredSource } from "../source/source.ts";
import type { Content, UnpackJob, UnpackPlace } from "./content.ts";
import { startHashers } from "./hashers.ts";
import { lastToEnd, unpackLayers } from "./unpack-layers.ts";
import { type Unpacker, unpackHere } from "./unpacker.ts";
import { unpackInWorker } from "./worker-unpacker.ts";

/** A layer's tar may be larger than the target, because of headers, holes, and files that later layers replace. */
const LAYER_TO_TARGET_MAX = 2;

/** Layers of systems unpack to three or four times their size, rarely to six times. */
const EXPANSION_MAX = 8;

/** An image of layers, to be written. */
export function layeredContent(source: LayeredSource, image: Image): Content {
  const { layers, digest } = image;
  const needBytes = layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
  return {
    name: source.name,
    digest,
    timeSeconds: imageTime(image),
    needBytes,
    likelyBytes: EXPANSION_MAX * needBytes,
    needs: "its compressed size",
    amount: `${layers.length} layers, ${formatBytes(needBytes)} to fetch`,
    parts: layers.length,
    unpack: (job, place) => unpack({ ...job, source, image }, place),
  };
}

/** Returns the time for the file system's own time stamps: that of the image, so that equal images give equal bytes. */
export function imageTime({ created }: Image): number {
  const milliseconds = created === undefined ? 0 : Date.parse(created);
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, Math.floor(milliseconds / 1000));
}

interface LayeredJob extends UnpackJob {
  readonly source: LayeredSource;
  readonly image: Image;
}

/** Unpacks all layers. It ends the threads, so that their memory is free when the file system's structures are made. */
async function unpack(job: LayeredJob, place: UnpackPlace): Promise<WrittenRange[]> {
  const layerBytesMax = LAYER_TO_TARGET_MAX * job.target.block.sizeBytes;
  const group = startUnpackers(job, place);
  try {
    return await unpackLayers({ ...job, layerBytesMax }, group.unpackers, place.merge);
  } finally {
    await group.close();
  }
}

interface UnpackerGroup {
  readonly unpackers: readonly Unpacker[];
  /** Resolves when the threads have stopped writing. */
  close(): Promise<void>;
}

/** Starts threads if they can open the source and the target themselves. Otherwise unpacks in this thread. */
function startUnpackers(job: LayeredJob, { geometry, allocator }: UnpackPlace): UnpackerGroup {
  const { source, image, target, jobs, cores, talk } = job;
  const { block, path, offsetBytes } = target;
  const { recipe } = source;
  if (path === undefined || recipe === undefined) {
    const start = (): Unpacker => unpackHere({ source, target: block, allocator });
    return groupOf(Array.from({ length: jobs }, start), () => {});
  }
  const { sizeBytes } = block;
  const to = { path, offsetBytes, sizeBytes, geometry, shared: allocator.shared };
  const onDetail = (text: string): void => talk.debug(text);
  // When all cores unpack, threads that hash would only take memory.
  const hashers = startHashers(cores > jobs ? jobs : 0, onDetail);
  const isLast = lastToEnd(image.layers, jobs);
  const unpackers = isLast.map((last, index) =>
    unpackInWorker(
      { source: recipe, target: to, hash: hashers.lanes[index], hasLowPriority: !last },
      onDetail,
    ),
  );
  return groupOf(unpackers, () => hashers.close());
}

/** An unpacker may wait for its hasher. So close() stops both before it waits. */
function groupOf(unpackers: readonly Unpacker[], stopOthers: () => void): UnpackerGroup {
  return {
    unpackers,
    async close() {
      const ends = unpackers.map((unpacker) => unpacker.close());
      stopOthers();
      await Promise.all(ends);
    },
  };
}
