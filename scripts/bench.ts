/**
 * Measures tandem, its peers and the floor (the least work that is possible), and compares them with the budgets:
 *
 *     bun scripts/bench.ts [--rounds 5] [--all] [--source] [--shape system|small|large] [--layers N] [--compression gzip|zstd]
 *
 * First it measures the reference image with the cost of each stage, then other shapes and slower networks in fewer rounds.
 * `--all` adds 4 GiB of large files. A shape, a number of layers or a compression selects a single image. All programs run
 * in each round, so that a slow moment of the machine affects all of them. `--source` measures the sources instead of
 * dist/tandem. Results go to the screen and to dist/bench.json.
 */
import { mkdir } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { forgetHost } from "../test/peers/alone.ts";
import { pushImage } from "../test/peers/image.ts";
import { startRegistry, type Registry } from "../test/peers/registry.ts";
import { temporaryFolder } from "../test/peers/temporary-folder.ts";
import { type Case, casesOf } from "./bench/cases.ts";
import {
  type Course,
  runDevice,
  runFloor,
  runPeer,
  runStages,
  runTandem,
  runWritingFloor,
} from "./bench/contenders.ts";
import { cpuSecondsOf } from "./bench/measure.ts";
import { type CaseSummary, printCases, printReport, printStages } from "./bench/report.ts";
import { slowLink } from "./bench/slow-link.ts";
import type { Stage } from "./bench/stages.ts";
import { imageFileBudgets, type ImageFiles, measureImageFiles } from "./bench/image-file.ts";
import { measureBinary, measureStartup } from "./bench/startup.ts";
import { budgetsOf, type Round, summarise } from "./bench/summary.ts";
import { compile } from "./build.ts";
import { REFERENCE, referenceImage, type ReferenceImage, shapeOf } from "./reference-image.ts";
import { originOf } from "./static/origin.ts";

const BINARY = "dist/tandem";
const RESULT = "dist/bench.json";
const GiB = 1024 ** 3;
const CASE_ROUNDS = 2;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    all: { type: "boolean", default: false },
    shape: { type: "string" },
    layers: { type: "string" },
    compression: { type: "string" },
    source: { type: "boolean", default: false },
  },
});
const { shape, layers, compression } = values;
const isOneImage = [shape, layers, compression].some((flag) => flag !== undefined);
forgetHost();
await bench();

/** What all courses have in common. */
interface Track {
  readonly registry: Registry;
  readonly folder: string;
  readonly tandem: readonly string[];
  readonly floor: readonly string[];
}

async function bench(): Promise<void> {
  await mkdir("dist/bench", { recursive: true });
  await using folder = await temporaryFolder(resolve("dist/bench"));
  await using registry = await startRegistry();
  const track: Track = {
    registry,
    folder: folder.path,
    tandem: values.source ? [process.execPath, "src/main.ts"] : [resolve(BINARY)],
    floor: [await compiled("floor", folder.path)],
  };
  const startup = await measureStartup(track.tandem, [await compiled("empty", folder.path)]);
  const reference = await measureReference(track);
  const { image, summary } = reference;
  const binary = values.source ? undefined : await measureBinary(BINARY);
  const budgets = [
    ...budgetsOf(summary, startup, image.dataBytes),
    ...imageFileBudgets(reference.imageFiles),
  ];
  printHead(image);
  printReport({ summary, startup, budgets, binary, imageFiles: reference.imageFiles });
  printStages(reference.stages);
  const cases: CaseSummary[] = [];
  for (const one of isOneImage ? [] : casesOf(values)) cases.push(await measureCase(track, one));
  printCases(cases);
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model };
  const result = { machine, binary, startup, budgets, ...reference, cases };
  await Bun.write(RESULT, JSON.stringify(result, undefined, 2));
}

interface Reference {
  readonly image: ReferenceImage;
  readonly summary: ReturnType<typeof summarise>;
  readonly imageFiles: ImageFiles;
  readonly stages: readonly Stage[];
  readonly rounds: readonly Round[];
}

/** The image of the budgets, or the one on the command line. */
async function measureReference(track: Track): Promise<Reference> {
  const wanted = shapeOf({
    shape: shape ?? REFERENCE.shape,
    layers: layers ?? `${REFERENCE.layers}`,
    compression: compression ?? REFERENCE.compression,
  });
  const image = await referenceImage(wanted);
  const course = await courseOf(track, image);
  const count = Number(values.rounds);
  const rounds = await race(track, course, count);
  const imageFiles = await measureImageFiles(course, count);
  return { image, summary: summarise(rounds), imageFiles, stages: await runStages(course), rounds };
}

async function measureCase(track: Track, one: Case): Promise<CaseSummary> {
  const image = await referenceImage(one.image);
  const course = await courseOf(track, image);
  await using link =
    one.bytesPerSecond === undefined
      ? undefined
      : await slowLink(track.registry.host, one.bytesPerSecond);
  const rounds = await race(track, { ...course, host: link?.host ?? course.host }, CASE_ROUNDS);
  console.error(`case "${one.name}" done`);
  return { name: one.name, image, summary: summarise(rounds) };
}

/** Copies the image into the registry. */
async function courseOf({ registry, ...rest }: Track, image: ReferenceImage): Promise<Course> {
  const name = `${image.shape}-${image.layers}-${image.compression}`;
  const { tag } = image.image;
  await pushImage(image.image, { host: registry.host, name: `${name}:${tag}` });
  const targetSize = `${Math.ceil((1.25 * image.dataBytes) / GiB) + 1}GiB`;
  return { ...rest, image, host: registry.host, name, tag, targetSize };
}

async function race({ registry }: Track, course: Course, count: number): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let round = 1; round <= count; round += 1) {
    rounds.push(await raceOnce(course, registry.pid));
    console.error(`round ${round} of ${count} done`);
  }
  return rounds;
}

async function raceOnce(course: Course, registryPid: number): Promise<Round> {
  const before = cpuSecondsOf(registryPid);
  const tandem = await runTandem(course);
  return {
    tandem,
    registryCpuSeconds: cpuSecondsOf(registryPid) - before,
    floor: await runFloor(course),
    writingFloor: await runWritingFloor(course),
    device: await runDevice(course),
    // umoci does not support zstd.
    peer: course.image.compression === "zstd" ? undefined : await runPeer(course),
  };
}

/** Builds a program of scripts/bench in the same way as tandem. */
async function compiled(name: string, folder: string): Promise<string> {
  const outfile = `${folder}/${name}`;
  await compile({ entrypoints: [resolve(`scripts/bench/${name}.ts`)], outfile }, originOf(""));
  return outfile;
}

function printHead({ image, files, dataBytes, tarBytes, blobBytes }: ReferenceImage): void {
  console.log(
    `${image.layers.length} layers, ${files} files, ${mb(dataBytes)} of data in blocks, ${mb(tarBytes)} of tar, ${mb(blobBytes)} compressed\n`,
  );
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
