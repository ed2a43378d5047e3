import { checkMedium } from "../disk/read-back.ts";
import { identityOf } from "../ext4/identity.ts";
import { TandemError } from "../lib/error.ts";
import { formatBytes } from "../lib/units.ts";
import type { Image } from "../oci/manifest.ts";
import { kernelNameOf, partitionOfDevice } from "../slot/block-device.ts";
import { parseMounts } from "../slot/mounts.ts";
import type { Source } from "../source/source.ts";
import type { BlockFile } from "../system/block-file.ts";
import type { System } from "../system/system.ts";
import { jobsFor, sourceOf, type Work, type Network } from "./open-source.ts";
import { imageTime, layoutFor, writeImage } from "./write-image.ts";

export interface WriteRequest extends Network {
  readonly source: string;
  /** A block device or a plain file, which is made when there is a size. */
  readonly target: string;
  readonly sizeBytes: number | undefined;
  readonly label: string;
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

/** Writes an image's root file system into a file or device, without changing what boots. */
export async function write(work: Work, request: WriteRequest): Promise<WriteResult> {
  const { system, talk } = work;
  const startMs = performance.now();
  const source = await sourceOf(work, request.source, request);
  try {
    talk.progress({ step: `Waiting for the manifest of ${source.name}` });
    const image = await source.image();
    const resolve = (performance.now() - startMs) / 1000;
    const { target: name, sizeBytes } = request;
    // Before a file is made, or one that is there is emptied.
    if (sizeBytes !== undefined) layoutFor({ image, source }, { name, sizeBytes });
    talk.progress({ step: `Waiting for the lock on ${name}` });
    const { block, lock } = await openTarget(system, request);
    try {
      talk.info(`Writing ${source.name} to ${request.target} (${formatBytes(block.sizeBytes)})`);
      const result = await writeAndCompare(work, request, { source, image, block });
      return { ...result, seconds: { resolve, ...result.seconds } };
    } finally {
      lock.release();
      block.close();
    }
  } finally {
    source.close();
  }
}

interface Opened {
  readonly source: Source;
  readonly image: Image;
  readonly block: BlockFile;
}

async function writeAndCompare(
  work: Work,
  request: WriteRequest,
  { source, image, block }: Opened,
): Promise<Omit<WriteResult, "seconds"> & { seconds: Omit<WriteResult["seconds"], "resolve"> }> {
  const { usedBytes, inodes, ranges, seconds } = await writeImage({
    ...work,
    source,
    image,
    target: { block, path: request.target, offsetBytes: 0 },
    identity: {
      uuid: identityOf(image.digest, request.label),
      label: request.label,
      timeSeconds: imageTime(image),
    },
    jobs: jobsFor(work.system, image.layers.length, request.jobs),
    cores: work.system.cores,
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
    source: source.name,
    digest: image.digest,
    target: request.target,
    sizeBytes: block.sizeBytes,
    usedBytes,
    inodes,
    bytesWritten: totalBytes,
    seconds: { ...seconds, readBack: (performance.now() - startMs) / 1000 },
  };
}

interface Target {
  readonly block: BlockFile;
  readonly lock: { release(): void };
}

/** Locks before anything that is there is changed. */
async function openTarget(system: System, request: WriteRequest): Promise<Target> {
  const { target, sizeBytes } = request;
  refuseMounted(system, target);
  if (!system.files.exists(target)) {
    if (sizeBytes === undefined)
      throw new TandemError(
        "usage",
        `Cannot make ${target}: it does not exist and no size was given`,
        {
          hint: "Say how large the file system is to be, such as --size 2GiB.",
        },
      );
    system.createBlock(target, 0).close();
  }
  const lock = await system.lock(target);
  try {
    return { lock, block: openSized(system, request) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openSized(system: System, { target, sizeBytes }: WriteRequest): BlockFile {
  if (sizeBytes === undefined) return system.openBlock(target, { write: true });
  const block = system.createBlock(target, sizeBytes);
  if (block.sizeBytes >= sizeBytes) return block;
  block.close();
  throw new TandemError(
    "no-space",
    `Cannot write ${sizeBytes} bytes to ${target}: it has ${block.sizeBytes}`,
  );
}

/** By whatever name the device goes, and a disk with all its partitions. */
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
