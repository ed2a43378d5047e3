/**
 * Measures a system in an image file, as on a disk of Kairos: the file is allocated, and `tandem write` fills it and reads
 * it back. The peer does it in the way of kairos-agent: mke2fs, a loop mount, tar, umount and a flush, without reading
 * back. Both take the image from the registry, on a quiet disk and beside a program that keeps the disk busy.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { GiB } from "../../src/lib/units.ts";
import { allocate } from "../../src/system/allocate.ts";
import { command } from "../../test/peers/command.ts";
import type { Course } from "./contenders.ts";
import { type Measurement, measured, median } from "./measure.ts";
import { type Budget, judged } from "./summary.ts";

/** The size of the images of kairos-agent. */
const IMAGE_BYTES = 3 * GiB;

/** Arguments: image, mount point, URL of the blobs, digests of the layers. Layers have gzip. */
const LOOP_MOUNT = `
image=$1 root=$2 blobs=$3
shift 3
truncate --size=${IMAGE_BYTES} "$image"
mke2fs -q -F -t ext2 -L COS_ACTIVE "$image"
mount -o loop "$image" "$root"
trap 'umount "$root"' EXIT
for digest; do
  curl --fail --silent --show-error "$blobs/$digest" |
    # Status 2: tar knows no whiteouts, so it cannot replace a folder of a lower layer by a link.
    tar --extract --gzip --xattrs --directory "$root" 2>/dev/null || test $? = 2
done
umount "$root"
trap - EXIT
sync --file-system "$image"
`;

interface Pair {
  readonly tandem: Measurement;
  /** Undefined without root, and for images with another compression. */
  readonly loopMount: Measurement | undefined;
}

/** The medians, in seconds. Processor time is that of the programs, without the kernel's threads. */
interface Seconds {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface ImageFileSummary {
  readonly tandem: Seconds;
  readonly loopMount: Seconds | undefined;
}

export interface ImageFiles {
  readonly quiet: ImageFileSummary;
  readonly busy: ImageFileSummary;
}

export async function measureImageFiles(course: Course, rounds: number): Promise<ImageFiles> {
  const [quiet, busy]: [Pair[], Pair[]] = [[], []];
  for (let round = 1; round <= rounds; round += 1) {
    quiet.push(await runPair(course));
    await using _ = await keepBusy(join(course.folder, "busy"));
    busy.push(await runPair(course));
    console.error(`image file, round ${round} of ${rounds} done`);
  }
  return { quiet: summarise(quiet), busy: summarise(busy) };
}

export function imageFileBudgets({ quiet, busy }: ImageFiles): Budget[] {
  return judged([
    { what: "image file / by loop mount", value: ratio(quiet), limit: 0.45, unit: "×" },
    { what: "  on a busy disk", value: ratio(busy), limit: 0.9, unit: "×" },
  ]);
}

function ratio({ tandem, loopMount }: ImageFileSummary): number {
  return tandem.seconds / (loopMount?.seconds ?? Number.NaN);
}

function summarise(pairs: readonly Pair[]): ImageFileSummary {
  const peers = pairs.flatMap(({ loopMount }) => loopMount ?? []);
  return {
    tandem: medians(pairs.map(({ tandem }) => tandem)),
    loopMount: peers.length === 0 ? undefined : medians(peers),
  };
}

function medians(runs: readonly Measurement[]): Seconds {
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
  };
}

async function runPair(course: Course): Promise<Pair> {
  const mayMount = process.getuid?.() === 0 && course.image.compression === "gzip";
  return {
    tandem: await runTandem(course),
    loopMount: mayMount ? await runLoopMount(course) : undefined,
  };
}

async function runTandem({ host, name, tag, folder, tandem }: Course): Promise<Measurement> {
  const target = join(folder, "transition.img");
  allocate(target, IMAGE_BYTES);
  const flags = ["--label", "COS_ACTIVE", "--insecure-registry", host];
  const run = await measured(...tandem, "write", `oci:${host}/${name}:${tag}`, target, ...flags);
  await remove(target);
  return run;
}

async function runLoopMount({ image, host, name, folder }: Course): Promise<Measurement> {
  const [target, root] = [join(folder, "loop.img"), join(folder, "loop")];
  await mkdir(root);
  const digests = image.image.layers.map(({ digest }) => digest);
  const blobs = `http://${host}/v2/${name}/blobs`;
  const script = ["bash", "-euo", "pipefail", "-c", LOOP_MOUNT, "bash"];
  const run = await measured(...script, target, root, blobs, ...digests);
  await remove(target);
  await remove(root);
  return run;
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await command("sync", "--file-system", join(path, ".."));
}

/** Starts the writer, and returns when it keeps the disk busy. */
async function keepBusy(path: string): Promise<AsyncDisposable> {
  const program = [process.execPath, join(import.meta.dir, "busy-writer.ts"), path];
  const writer = Bun.spawn(program, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const { done } = await writer.stdout.getReader().read();
  if (done) throw new Error("Cannot keep the disk busy: the writer has ended");
  return {
    async [Symbol.asyncDispose]() {
      writer.kill();
      await writer.exited;
      await remove(path);
    },
  };
}
