import type { WriteTarget } from "../disk/write-target.ts";
import { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import { fillHoles, hasHoles } from "../ext4/fill-holes.ts";
import type { WrittenRange } from "../ext4/written-range.ts";
import { writeTree } from "../ext4/format.ts";
import type { Identity } from "../ext4/identity.ts";
import { type Layout, planLayout } from "../ext4/layout.ts";
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

/** A layer's tar may be larger than the target by its headers, its holes and what later layers replace. */
const LAYER_TO_TARGET_MAX = 2;

export interface WriteJob<Finding> {
  readonly source: LayeredSource;
  readonly image: Image;
  readonly target: WriteTarget;
  readonly identity: Identity;
  /** How many layers are unpacked side by side. */
  readonly jobs: number;
  /** Of this machine. What is left of them hashes. */
  readonly cores: number;
  readonly talk: Talk;
  readonly signal: AbortSignal;
  /** The files that a boot loader reads: none of them may have holes. */
  withoutHoles(root: ImageTree["root"]): ReadonlySet<FileNode>;
  /** Looks at the tree before a file system is made of it, and may refuse it. */
  inspect(tree: ImageTree): Finding;
}

export interface WrittenImage<Finding> {
  readonly finding: Finding;
  /** All that belongs to the file system, ascending, each within 1 MiB. */
  readonly ranges: readonly WrittenRange[];
  readonly usedBytes: number;
  readonly inodes: number;
  /** Seconds a phase took. */
  readonly seconds: { readonly unpack: number; readonly format: number; readonly flush: number };
}

/** Writes an image's root file system: data, then metadata, then a flush, then the superblock, then a flush. */
export async function writeImage<Finding>(job: WriteJob<Finding>): Promise<WrittenImage<Finding>> {
  const { target, signal, talk } = job;
  const layout = layoutFor(job, target.block);
  const allocator = Allocator.create(layout);
  const clock = stopwatch();
  const merge = new Merge();
  const dataRanges = await unpack(job, { layout, allocator, merge });
  const unpackSeconds = clock();
  talk.progress({ step: "Writing directories and inodes" });
  const finding = job.inspect({
    root: merge.root,
    read: (node, bytesMax) => readFile(target.block, node, bytesMax),
  });
  const filledRanges = fillFiles(target.block, allocator, job.withoutHoles(merge.root));
  const tree = writeTree(target.block, {
    layout,
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

/** Returns what was written. Kernels and initrds are rarely archived with holes: most images need nothing here. */
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

/** The time of the file system's own stamps: that of the image, so that the same image always gives the same bytes. */
export function imageTime({ created }: Image): number {
  const milliseconds = created === undefined ? 0 : Date.parse(created);
  return Number.isNaN(milliseconds) ? 0 : Math.max(0, Math.floor(milliseconds / 1000));
}

/** Throws when the operator has asked to stop. Doing so is the same as a cut of the power at this point. */
export function interrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new TandemError("interrupted", "Stopped on request before the end");
}

interface Place {
  readonly layout: Layout;
  readonly allocator: Allocator;
}

/** The threads end here: their memory is free again when the file system's own structures are made. */
async function unpack(
  job: WriteJob<unknown>,
  place: Place & { readonly merge: Merge },
): Promise<WrittenRange[]> {
  const layerBytesMax = LAYER_TO_TARGET_MAX * job.target.block.sizeBytes;
  const crew = gather(job, place);
  try {
    return await unpackLayers({ ...job, layerBytesMax }, crew.unpackers, place.merge);
  } finally {
    await crew.close();
  }
}

interface Crew {
  readonly unpackers: readonly Unpacker[];
  /** The threads have stopped writing when this resolves. */
  close(): Promise<void>;
}

/** Threads of their own, where these can open what is read and what is written by themselves. */
function gather(job: WriteJob<unknown>, place: Place): Crew {
  const { source, image, target, jobs, cores, talk } = job;
  const { block, path, offsetBytes } = target;
  const { recipe } = source;
  const { layout, allocator } = place;
  if (path === undefined || recipe === undefined) {
    const unpackHereToo = (): Unpacker => unpackHere({ source, target: block, allocator });
    return crewOf(Array.from({ length: jobs }, unpackHereToo), () => {});
  }
  const { sizeBytes } = block;
  const to = { path, offsetBytes, sizeBytes, layout, shared: allocator.shared };
  const onDetail = (text: string): void => talk.debug(text);
  // Where all cores unpack, another thread would only take memory.
  const hashers = startHashers(cores > jobs ? jobs : 0, onDetail);
  const isLast = lastToEnd(image.layers, jobs);
  const unpackers = isLast.map((last, index) =>
    unpackInWorker(
      { source: recipe, target: to, hash: hashers.lanes[index], hasLowPriority: !last },
      onDetail,
    ),
  );
  return crewOf(unpackers, () => hashers.close());
}

/** An unpacker may wait for its hasher: both are told to stop before the end of either is waited for. */
function crewOf(unpackers: readonly Unpacker[], stopOthers: () => void): Crew {
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
 * How the target will be divided. Throws "no-space" when no file system fits, and when the compressed data alone is larger: no need to
 * write first to find that out.
 */
export function layoutFor(
  { image, source }: Pick<WriteJob<unknown>, "image" | "source">,
  { name, sizeBytes }: Pick<BlockFile, "name" | "sizeBytes">,
): Layout {
  const layout = planLayout(sizeBytes);
  const needBytes = image.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
  if (needBytes > sizeBytes)
    throw new TandemError(
      "no-space",
      `Cannot write ${source.name} to ${name}: needs more than ${needBytes} bytes (its compressed size), has ${sizeBytes}`,
    );
  return layout;
}

/** Each call tells the seconds since the last one. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    return seconds;
  };
}
