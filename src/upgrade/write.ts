import { bootFiles } from "../boot/image/boot-files.ts";
import { checkMedium } from "../disk/read-back.ts";
import { signaturesOn } from "../disk/signature.ts";
import { identityOf } from "../ext4/identity.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { formatBytes } from "../lib/units.ts";
import { kernelNameOf, partitionOfDevice } from "../slot/block-device.ts";
import { parseMounts } from "../slot/mounts.ts";
import type { BlockFile } from "../system/block-file.ts";
import type { System } from "../system/system.ts";
import {
  excludedByWriter,
  jobsFor,
  sourceOf,
  type SourceRequest,
  type Work,
} from "../machine/open-source.ts";
import { type Content, contentOf } from "../write/content.ts";
import { geometryFor, writeImage } from "../write/write-image.ts";

export interface WriteRequest extends SourceRequest {
  readonly source: string;
  /** A block device or a plain file. A plain file is made when a size is given. */
  readonly target: string;
  readonly sizeBytes: number | undefined;
  readonly label: string;
  /** Write over data of other programs. */
  readonly force: boolean;
  readonly jobs: number | undefined;
}

export interface WriteResult {
  readonly source: string;
  readonly digest: string;
  readonly target: string;
  readonly sizeBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly bytesWritten: number;
  readonly seconds: {
    readonly resolve: number;
    readonly unpack: number;
    readonly format: number;
    readonly flush: number;
    readonly readBack: number;
  };
}

/** Writes the root file system of an image into a file or device. Does not change what boots. */
export async function write(work: Work, request: WriteRequest): Promise<WriteResult> {
  const { talk } = work;
  const startMs = performance.now();
  const opened = await sourceOf(work, request.source, request);
  try {
    const content = await contentOf(opened, work);
    const exclude = excludedByWriter(opened, request);
    const resolve = (performance.now() - startMs) / 1000;
    const { target: name, sizeBytes } = request;
    // Throw now, before the file is made or emptied.
    if (sizeBytes !== undefined) geometryFor(content, { name, sizeBytes });
    const result = await withTarget(work, request, (block) => {
      talk.info(`Writing ${content.name} to ${name} (${formatBytes(block.sizeBytes)})`);
      return writeAndCompare(work, request, { content, block, exclude });
    });
    return { ...result, seconds: { resolve, ...result.seconds } };
  } finally {
    opened.close();
  }
}

interface Opened {
  readonly content: Content;
  readonly block: BlockFile;
  readonly exclude: readonly string[];
}

async function writeAndCompare(
  work: Work,
  request: WriteRequest,
  { content, block, exclude }: Opened,
): Promise<Omit<WriteResult, "seconds"> & { seconds: Omit<WriteResult["seconds"], "resolve"> }> {
  const { usedBytes, inodes, ranges, seconds } = await writeImage({
    ...work,
    content,
    exclude,
    target: { block, path: request.target, offsetBytes: 0 },
    identity: {
      uuid: identityOf(content.digest, request.label),
      label: request.label,
      timeSeconds: content.timeSeconds,
    },
    jobs: jobsFor(work.system, content.parts, request.jobs),
    cores: work.system.cores,
    withoutHoles: bootFiles,
    inspect: () => undefined,
  });
  const totalBytes = ranges.reduce((sum, range) => sum + range.sizeBytes, 0);
  const startMs = performance.now();
  await checkMedium(block, ranges, {
    signal: work.signal,
    debug: (text) => work.talk.debug(text),
    onProgress: (doneBytes) => work.talk.progress({ step: "Reading back", doneBytes, totalBytes }),
  });
  return {
    source: content.name,
    digest: content.digest,
    target: request.target,
    sizeBytes: block.sizeBytes,
    usedBytes,
    inodes,
    bytesWritten: totalBytes,
    seconds: { ...seconds, readBack: (performance.now() - startMs) / 1000 },
  };
}

/** Locks and holds the target before anything is read from it. Removes a file that it has made when `use` fails. */
async function withTarget<T>(
  work: Work,
  request: WriteRequest,
  use: (block: BlockFile) => Promise<T>,
): Promise<T> {
  const { system, talk } = work;
  const { target } = request;
  refuseMounted(system, target);
  const isMade = !system.files.exists(target);
  if (isMade) makeFile(system, request);
  talk.progress({ step: `Waiting for the lock on ${target}` });
  let lock: { release(): void } | undefined;
  try {
    lock = await system.lock(target);
    return await whileHeld(system, request, use);
  } catch (error) {
    // Another run has found the new file, locked it and writes into it.
    const isOthers = error instanceof TandemError && error.code === "locked";
    if (isMade && !isOthers) removeMade(work, target);
    throw error;
  } finally {
    lock?.release();
  }
}

function makeFile(system: System, { target, sizeBytes }: WriteRequest): void {
  if (sizeBytes !== undefined) return system.createBlock(target, sizeBytes).close();
  throw new TandemError("usage", `Cannot make ${target}: it does not exist and no size was given`, {
    hint: "Say how large the file system is to be, such as --size 2GiB.",
  });
}

/** A failure here is only a warning, because the error before it is the one to report. */
function removeMade({ system, talk }: Work, target: string): void {
  try {
    system.durable.remove(target);
  } catch (error) {
    talk.warn(`${target} is left behind, without a file system: ${reasonOf(error)}`);
  }
}

async function whileHeld<T>(
  system: System,
  request: WriteRequest,
  use: (block: BlockFile) => Promise<T>,
): Promise<T> {
  const block = system.openBlock(request.target, { write: true, hold: true });
  try {
    await clear(block, request);
    return await use(block);
  } finally {
    block.close();
  }
}

/** Gives the target its size, and erases marks of other programs, which would still recognise their data by them. */
async function clear(block: BlockFile, { target, sizeBytes, force }: WriteRequest): Promise<void> {
  if (sizeBytes !== undefined && block.empty === undefined && block.sizeBytes < sizeBytes)
    throw new TandemError(
      "no-space",
      `Cannot write ${sizeBytes} bytes to ${target}: it has ${block.sizeBytes}`,
    );
  const found = signaturesOn(block);
  if (found.length > 0 && !force) {
    const list = [...new Set(found.map(({ what }) => what))].join(" and ");
    throw new TandemError("disk", `Cannot write to ${target}: it holds ${list}`, {
      hint: "Look whether it is the right target; --force writes over what it holds.",
    });
  }
  if (sizeBytes !== undefined && block.empty !== undefined) return block.empty(sizeBytes);
  if (found.length === 0) return;
  for (const one of found) block.write(one.offsetBytes, new Uint8Array(one.sizeBytes));
  await block.flush();
}

/** Refuses a mounted device under each of its names, and a disk with a mounted partition. */
function refuseMounted(system: System, target: string): void {
  const name = kernelNameOf(system, target);
  if (name === undefined) return;
  const device = system.files.readText(`/sys/class/block/${name}/dev`)?.trim();
  const mounts = parseMounts(system.files.readText("/proc/self/mountinfo") ?? "");
  const mount = mounts.find(
    (one) => one.device === device || partitionOfDevice(system, one.device)?.disk === name,
  );
  if (mount === undefined) return;
  const what = mount.device === device ? "it" : "a part of it";
  throw new TandemError("disk", `Cannot write to ${target}: ${what} is mounted on ${mount.path}`, {
    hint: "Unmount it first.",
  });
}
