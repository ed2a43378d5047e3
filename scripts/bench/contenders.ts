/** The programs that are compared. Each takes the same image from the same registry, without files of an earlier round. */
import { mkdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { command } from "../../test/peers/command.ts";
import { ROOTLESS } from "../../test/peers/umoci.ts";
import type { ReferenceImage } from "../reference-image.ts";
import { type Measurement, measured } from "./measure.ts";
import type { Stage } from "./stages.ts";

/** The place of the image, and the folder for results. */
export interface Course {
  readonly image: ReferenceImage;
  /** "127.0.0.1:41235". */
  readonly host: string;
  /** The name of the image in the registry: "reference". */
  readonly name: string;
  readonly tag: string;
  /** A folder of this run alone. */
  readonly folder: string;
  /** The command of tandem. */
  readonly tandem: readonly string[];
  readonly floor: readonly string[];
  /** The size of the file that tandem writes into: "2GiB". */
  readonly targetSize: string;
}

/** The seconds of each phase by `tandem write --json`, and the measurements from outside. */
export interface TandemRun extends Measurement {
  readonly phases: Readonly<Record<string, number>>;
  readonly bytesWritten: number;
  /** The size of the file in blocks. */
  readonly allocatedBytes: number;
}

interface WriteResult {
  readonly seconds: Readonly<Record<string, number>>;
  readonly bytesWritten: number;
}

export async function runTandem(course: Course): Promise<TandemRun> {
  const { host, name, tag, folder, tandem, targetSize } = course;
  const target = join(folder, "tandem.img");
  await clear(target);
  const source = `oci:${host}/${name}:${tag}`;
  const flags = ["--size", targetSize, "--insecure-registry", host, "--json"];
  const run = await measured(...tandem, "write", source, target, ...flags);
  const result = JSON.parse(run.stdout) as WriteResult;
  const { blocks } = await stat(target);
  await clear(target);
  return {
    ...run,
    phases: result.seconds,
    bytesWritten: result.bytesWritten,
    allocatedBytes: blocks * 512,
  };
}

export interface PeerRun {
  readonly copySeconds: number;
  /** `umoci unpack`, which also lists what it has written, with hashes. */
  readonly unpackSeconds: number;
  /** `umoci raw unpack`, which writes the same files and no list. */
  readonly rawUnpackSeconds: number;
  /** The flush after `umoci unpack`. */
  readonly syncSeconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

export async function runPeer({ host, name, tag, folder }: Course): Promise<PeerRun> {
  const [layout, bundle, raw] = [join(folder, "copy"), join(folder, "bundle"), join(folder, "raw")];
  for (const place of [layout, bundle, raw]) await clear(place);
  const source = `docker://${host}/${name}:${tag}`;
  const skopeo = ["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"];
  const copy = await measured(...skopeo, source, `oci:${layout}:x`);
  const image = ["--image", `${layout}:x`];
  const unpack = await measured("umoci", "unpack", ...ROOTLESS, ...image, bundle);
  const sync = await measured("sync", "--file-system", bundle);
  await clear(bundle);
  const rawUnpack = await measured("umoci", "raw", "unpack", ...ROOTLESS, ...image, raw);
  for (const place of [raw, layout]) await clear(place);
  return {
    copySeconds: copy.seconds,
    unpackSeconds: unpack.seconds,
    rawUnpackSeconds: rawUnpack.seconds,
    syncSeconds: sync.seconds,
    cpuSeconds: copy.cpuSeconds + unpack.cpuSeconds,
    peakBytes: Math.max(copy.peakBytes, unpack.peakBytes),
  };
}

export interface FloorRun extends Measurement {
  /** By the program's own clock, without the start and end of the process. */
  readonly ownSeconds: number;
}

/** Fetches, checks and decompresses, and discards all. The largest layers are first, as in tandem. */
export async function runFloor(course: Course, into = "-"): Promise<FloorRun> {
  const { image, host, name, floor } = course;
  const layers = image.image.layers.toSorted((one, other) => other.size - one.size);
  const digests = layers.map(({ digest }) => digest);
  const run = await measured(...floor, into, `http://${host}/v2/${name}/blobs`, ...digests);
  const { seconds } = JSON.parse(run.stdout) as { readonly seconds: number };
  return { ...run, ownSeconds: seconds };
}

/** The size of the sparse file, larger than all tars of an image. */
const FLOOR_BYTES = 2 ** 40;

/** The same, but the tars are written to a file in the same way as tandem writes. */
export async function runWritingFloor(course: Course): Promise<FloorRun> {
  const target = join(course.folder, "floor.img");
  await clear(target);
  await writeFile(target, "");
  // The file has its full size before: a file that grows waits for the medium.
  await truncate(target, FLOOR_BYTES);
  const run = await runFloor(course, target);
  await clear(target);
  return run;
}

/** The cost of each stage of a write. */
export async function runStages({ image, host, name, folder }: Course): Promise<readonly Stage[]> {
  const target = join(folder, "stages.img");
  await clear(target);
  const words = image.image.layers.flatMap(({ mediaType, digest }) => [mediaType, digest]);
  const program = [process.execPath, join(import.meta.dir, "stages.ts")];
  const place = [`http://${host}/v2/${name}/blobs`, target, `${2 * image.dataBytes}`];
  const { stdout } = await measured(...program, ...place, ...words);
  await clear(target);
  return JSON.parse(stdout) as Stage[];
}

/** Only the writing: as many zeros as the image has data, and a flush. */
export async function runDevice({ image, folder }: Course): Promise<Measurement> {
  const target = join(folder, "zeros");
  const count = Math.ceil(image.dataBytes / 2 ** 20);
  await clear(target);
  const flags = ["if=/dev/zero", "bs=1M", `count=${count}`, "conv=fdatasync", "status=none"];
  const run = await measured("dd", `of=${target}`, ...flags);
  await clear(target);
  return run;
}

/** Waits until the disk has written the data of the program before. */
async function clear(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(join(path, ".."), { recursive: true });
  await command("sync", "--file-system", join(path, ".."));
}
