import { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import { fillHoles, hasHoles } from "../ext4/fill-holes.ts";
import type { WrittenRange } from "../ext4/written-range.ts";
import { type Fit, writeTree } from "../ext4/format.ts";
import type { Identity } from "../ext4/identity.ts";
import type { Checksums } from "../ext4/superblock.ts";
import { type Ext4Geometry, planGeometry } from "../ext4/geometry.ts";
import { readFile } from "../ext4/read.ts";
import { addDirectories, type WantedDirectory } from "../layer/add-directories.ts";
import { Merge } from "../layer/merge.ts";
import type { FileNode, ImageTree } from "../layer/tree.ts";
import { TandemError } from "../lib/error.ts";
import type { BlockFile } from "../system/block-file.ts";
import { plainOutbox } from "../system/outbox.ts";
import type { Content, UnpackJob } from "./content.ts";
import { leaveOut } from "./leave-out.ts";

export interface WriteJob<Finding> extends UnpackJob {
  readonly content: Content;
  readonly identity: Identity;
  /** "metadata" by default. */
  readonly checksums?: Checksums;
  /** Makes the file system as small as this allows, and cuts off a plain file behind it. */
  readonly fit?: Fit;
  /** Paths that are removed from the tree, each with all that lies below it. */
  readonly exclude?: readonly string[];
  /** Directories that the file system must have, such as mount points. Those that are missing are added to the tree. */
  readonly directories?: readonly WantedDirectory[];
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
  /** The size of the file system. */
  readonly sizeBytes: number;
  readonly inodes: number;
  /** The duration of each phase. */
  readonly seconds: { readonly unpack: number; readonly format: number; readonly flush: number };
}

/** Writes a root file system: data, then metadata, then a flush, then the superblock, then a flush. */
export async function writeImage<Finding>(job: WriteJob<Finding>): Promise<WrittenImage<Finding>> {
  const { content, target, signal, talk } = job;
  const geometry = geometryFor(content, target.block);
  const allocator = Allocator.create(geometry);
  const clock = stopwatch();
  const merge = new Merge();
  const dataRanges = await content.unpack(job, { geometry, allocator, merge });
  const unpackSeconds = clock();
  talk.progress({ step: "Writing directories and inodes" });
  for (const path of leaveOut(merge.root, job.exclude ?? []))
    talk.warn(`${content.name}: found nothing to exclude at "${path}", continuing`);
  addDirectories(merge.root, job.directories ?? [], job.identity.timeSeconds);
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
    ...(job.checksums && { checksums: job.checksums }),
    fit: job.fit,
  });
  const formatSeconds = clock();
  interrupted(signal);
  talk.progress({ step: `Waiting for ${target.block.name} to have all on its medium` });
  await target.block.flush();
  if (job.fit !== undefined) target.block.cut?.(tree.sizeBytes);
  target.block.write(0, tree.superblock);
  await target.block.flush();
  return {
    finding,
    ranges: [...dataRanges, ...filledRanges, ...tree.ranges]
      // Data that later layers have replaced may lie behind the end.
      .filter(({ offsetBytes }) => offsetBytes < tree.sizeBytes)
      .toSorted((a, b) => a.offsetBytes - b.offsetBytes),
    usedBytes: tree.usedBytes,
    sizeBytes: tree.sizeBytes,
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

/**
 * Throws "interrupted" when the operator wants to stop. The effect on the disk is that of a power cut at this point.
 */
export function interrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new TandemError("interrupted", "Stopped on request before the end");
}

/**
 * Plans the layout of the file system. Throws "no-space" when the target is too small for any file system or for the
 * content, so that nothing is written in vain.
 */
export function geometryFor(
  content: Pick<Content, "name" | "needBytes" | "needs">,
  target: Pick<BlockFile, "name" | "sizeBytes">,
): Ext4Geometry {
  const geometry = planGeometry(target.sizeBytes);
  refuseLarger(content, target);
  return geometry;
}

/** Throws "no-space" when `target` has fewer bytes than the content needs at least. */
export function refuseLarger(
  { name, needBytes, needs }: Pick<Content, "name" | "needBytes" | "needs">,
  target: Pick<BlockFile, "name" | "sizeBytes">,
): void {
  if (needBytes <= target.sizeBytes) return;
  throw new TandemError(
    "no-space",
    `Cannot write ${name} to ${target.name}: needs more than ${needBytes} bytes (${needs}), has ${target.sizeBytes}`,
  );
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
