/**
 * Measures tandem against its peers and against the least possible, and the budgets against both:
 *
 *     bun scripts/bench.ts [--rounds 5] [--shape system|small|large] [--layers N] [--compression gzip|zstd] [--source]
 *
 * Everyone runs in every round, so that a slow moment of the machine is everybody's. `--source` measures the sources instead of
 * dist/tandem. Results go to the screen and to dist/bench.json.
 */
import { mkdir, stat } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { pushImage } from "../test/peers/image.ts";
import { startRegistry } from "../test/peers/registry.ts";
import { temporaryFolder } from "../test/peers/temporary-folder.ts";
import { type Course, runDevice, runFloor, runPeer, runTandem } from "./bench/contenders.ts";
import { cpuSecondsOf } from "./bench/measure.ts";
import { printReport } from "./bench/report.ts";
import { measureStartup } from "./bench/startup.ts";
import { budgetsOf, type Round, summarise } from "./bench/summary.ts";
import { compile } from "./build.ts";
import { REFERENCE, referenceImage, type ReferenceImage, shapeOf } from "./reference-image.ts";
import { originOf } from "./static/origin.ts";

const BINARY = "dist/tandem";
const RESULT = "dist/bench.json";
const NAME = "reference";
const GiB = 1024 ** 3;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    shape: { type: "string", default: REFERENCE.shape },
    layers: { type: "string", default: `${REFERENCE.layers}` },
    compression: { type: "string", default: REFERENCE.compression },
    source: { type: "boolean", default: false },
  },
});
await bench(await referenceImage(shapeOf(values)), Number(values.rounds));

async function bench(image: ReferenceImage, count: number): Promise<void> {
  await mkdir("dist/bench", { recursive: true });
  await using folder = await temporaryFolder(resolve("dist/bench"));
  await using registry = await startRegistry();
  await pushImage(image.image, { host: registry.host, name: `${NAME}:${image.image.tag}` });
  const course: Course = {
    image,
    host: registry.host,
    name: NAME,
    tag: image.image.tag,
    folder: folder.path,
    tandem: values.source ? [process.execPath, "src/main.ts"] : [resolve(BINARY)],
    floor: [await compiled("floor", folder.path)],
    targetSize: `${Math.ceil((1.25 * image.dataBytes) / GiB) + 1}GiB`,
  };
  const startup = await measureStartup(course.tandem, [await compiled("empty", folder.path)]);
  const rounds: Round[] = [];
  for (let round = 1; round <= count; round += 1) {
    rounds.push(await race(course, registry.pid));
    console.error(`round ${round} of ${count} done`);
  }
  const summary = summarise(rounds);
  const binaryBytes = values.source ? undefined : (await stat(BINARY)).size;
  const budgets = budgetsOf(summary, startup, image.dataBytes);
  printHead(image);
  printReport({ summary, startup, budgets, binaryBytes });
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model };
  const result = { machine, image, binaryBytes, startup, summary, budgets, rounds };
  await Bun.write(RESULT, JSON.stringify(result, undefined, 2));
}

async function race(course: Course, registryPid: number): Promise<Round> {
  const before = cpuSecondsOf(registryPid);
  const tandem = await runTandem(course);
  return {
    tandem,
    registryCpuSeconds: cpuSecondsOf(registryPid) - before,
    floor: await runFloor(course),
    device: await runDevice(course),
    // umoci knows no zstd.
    peer: course.image.compression === "zstd" ? undefined : await runPeer(course),
  };
}

/** One of the programs in scripts/bench, built as tandem is. */
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
