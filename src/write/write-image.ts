import type { WriteTarget } from "../disk/write-target.ts";
import { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import { fillHoles, hasHoles } from "../ext4/fill-holes.ts";
import type { WrittenRange } from "../ext4/written-range.ts";
import { writeTree } from "../ext4/format.ts";
import type { Identity } from "../ext4/identity.ts";
import { type Ext4Geometry, planGeometry } from "../ext4/geometry.ts";
import { readFile } from "../ext4/read.ts";
import { Merge } from "../layer/merge.ts";
import type { FileNode, ImageTree } from "../layer/tree.ts";
import { TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import type { Image } from "../oci/manifest.ts";
import type { LayeredSource } from "../source/source.ts";
import type { BlockFile } from "../system/block-file.ts";
import { plainOutbox } from "../system/outbox.ts";
import { startHashers } from "./hashers.ts";
import { lastToEnd, unpackLayers } from "./unpack-layers.ts";
import { type Unpacker, unpackHere } from "./unpacker.ts";
import { unpackInWorker } from "./worker-unpacker.ts";

/** A layer's tar may be larger than the target, because of headers, holes, and files that later layers replace. */
const LAYER_TO_TARGET_MAX = 2;

export interface WriteJob<Finding> {
  readonly source: LayeredSource;
  readonly image: Image;
  readonly target: WriteTarget;
  readonly identity: Identity;
  /** How many layers are unpacked in parallel. */
  readonly jobs: number;
  /** The processors of this machine. Those beyond `jobs` are used for hashing. */
  readonly cores: number;
  readonly talk: Talk;
  readonly signal: AbortSignal;
  /** Returns the files that a boot loader reads. Their holes are filled, because GRUB cannot read holes. */
  withoutHoles(root: ImageTree["root"]): ReadonlySet<FileNode>;
  /** Inspects the tree before the file system is made. Throws to refuse it. */
  inspect(tree: ImageTree): Finding;
}

export interface WrittenImage<Finding> {
  readonly finding: Finding;
  /** Everything that was written, in ascending order. A range has at most 1 MiB. */
  readonly ranges: readonly WrittenRange[];
  readonly usedBytes: number;
  readonly inodes: number;
  /** The duration of each phase. */
  readonly seconds: { readonly unpack: number; readonly format: number; readonly flush: number };
}

/** Writes an image's root file system: data, then metadata, then a flush, then the superblock, then a flush. */
export async function writeImage<Finding>(job: WriteJob<Finding>): Promise<WrittenImage<Finding>> {
  const { target, signal, talk } = job;
  const geometry = geometryFor(job, target.block);
  const allocator = Allocator.create(geometry);
  const clock = stopwatch();
  const merge = new Merge();
  const dataRanges = await unpack(job, { geometry, allocator, merge });
  const unpackSeconds = clock();
  talk.progress({ step: "Writing directories and inodes" });
  const finding = job.inspect({
    root: merge.root,
    read: (node, bytesMax) => readFile(target.block, node, bytesMax),
  });
  const filledRanges = fillFiles(target.block, allocator, job.withoutHoles(merge.root));
  const tree = writeTree(target.block, {
    geometry,
    allocator,
    root: merge.root,
    identity: job.identity,
  });
  const formatSeconds = clock();
  interrupted(signal);
  talk.progress({ step: `Waiting for ${target.block.name} to have all on its medium` });
  await target.block.flush();
  target.block.write(0, tree.superblock);
  await target.block.flush();
  return {
    finding,
    ranges: [...dataRanges, ...filledRanges, ...tree.ranges].toSorted(
      (a, b) => a.offsetBytes - b.offsetBytes,
    ),
    usedBytes: tree.usedBytes,
    inodes: tree.inodes,
    seconds: { unpack: unpackSeconds, format: formatSeconds, flush: clock() },
  };
}

/** Fills the holes of the files and returns the written ranges. Kernels and initrds rarely have holes in an archive. */
function fillFiles(
  block: BlockFile,
  allocator: Allocator,
  files: ReadonlySet<FileNode>,
): readonly WrittenRange[] {
  const holed = [...files].filter(hasHoles);
  if (holed.length === 0) return [];
  const data = new DataWriter(plainOutbox(block), allocator);
  for (const node of holed) fillHoles(node, data);
  return data.finish();
}

/** Returns the time for the file system's own time stamps: that of the image, so that equal images give equal bytes. */
export function imageTime({ created }: Image): number {
  const milliseconds = created === undefined ? 0 : Date.parse(created);
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, Math.floor(milliseconds / 1000));
}

/**
 * Throws "interrupted" when the operator wants to stop. The effect on the disk is that of a power cut at this point.
 */
export function interrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new TandemError("interrupted", "Stopped on request before the end");
}

interface TargetPlace {
  readonly geometry: Ext4Geometry;
  readonly allocator: Allocator;
}

/** Unpacks all layers. It ends the threads, so that their memory is free when the file system's structures are made. */
async function unpack(
  job: WriteJob<unknown>,
  place: TargetPlace & { readonly merge: Merge },
): Promise<WrittenRange[]> {
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
function startUnpackers(job: WriteJob<unknown>, place: TargetPlace): UnpackerGroup {
  const { source, image, target, jobs, cores, talk } = job;
  const { block, path, offsetBytes } = target;
  const { recipe } = source;
  const { geometry, allocator } = place;
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

/**
 * Plans the layout of the file system. Throws "no-space" when the target is too small for any file system or for the
 * compressed layers, so that nothing is written in vain.
 */
export function geometryFor(
  { image, source }: Pick<WriteJob<unknown>, "image" | "source">,
  { name, sizeBytes }: Pick<BlockFile, "name" | "sizeBytes">,
): Ext4Geometry {
  const geometry = planGeometry(sizeBytes);
  const needBytes = image.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
  if (needBytes > sizeBytes)
    throw new TandemError(
      "no-space",
      `Cannot write ${source.name} to ${name}: needs more than ${needBytes} bytes (its compressed size), has ${sizeBytes}`,
    );
  return geometry;
}

/** Returns a function that returns the seconds since its last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    return seconds;
  };
}
