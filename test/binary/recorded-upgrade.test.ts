/**
 * The built binary upgrades a disk with its threads, O_DIRECT and writes under way side by side, and every one of its system calls
 * that changes the disk is recorded. The power is cut before each of them; and what the tests in memory record is the same.
 */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { MiB } from "../../src/lib/units.ts";
import { openSource } from "../../src/source/source.ts";
import { linuxFiles } from "../../src/system/files.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { type Operation, RecordedDisk } from "../fakes/recorded-disk.ts";
import { machineWith } from "../fakes/whole-disk.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { ALONE } from "../peers/alone.ts";
import { writeImage } from "../peers/image.ts";
import { operationsIn, recording } from "../peers/recorded-run.ts";
import type { TarMember } from "../peers/tar.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { explain, genOn, judge, learn, type Whole } from "../power-cut/judge.ts";
import { installed } from "../power-cut/story.ts";
import { upgradeTo } from "../upgrade/disk.ts";
import { ended, systemMembers, TANDEM } from "./appliance.ts";

/** Each fills more than a chunk, so that a write is always in flight. */
const FILES = 3;

const filler = (layer: string): TarMember[] =>
  Array.from({ length: FILES }, (_, index) => ({
    path: `${layer}-${index}`,
    data: `${layer} ${index} `.padEnd(64, ".").repeat(Math.ceil(MiB / 64)),
  }));

async function imageIn(folder: TemporaryFolder, layers: number): Promise<string> {
  const layout = folder.in("layout");
  const more = Array.from({ length: layers - 1 }, (_, index) => ({ tar: filler(`${index}`) }));
  await writeImage(layout, {
    layers: [{ tar: systemMembers("2", layers === 1 ? filler("only") : []) }, ...more],
  });
  return `oci-layout:${layout}:latest`;
}

interface Recorded {
  readonly start: PagedImage;
  readonly operations: readonly Operation[];
  /** The disk after the binary has ended. */
  readonly end: Uint8Array;
}

async function recordBinary(
  folder: TemporaryFolder,
  loader: LoaderName,
  more: { readonly source: string; readonly jobs: number },
): Promise<Recorded> {
  const start = await installed(loader);
  const [disk, trace] = [folder.in("disk.img"), folder.in("trace")];
  writeFileSync(disk, start.bytes());
  const args = ["upgrade", "--disk", disk, "--source", more.source, "--jobs", `${more.jobs}`];
  const child = Bun.spawn([...recording(trace), TANDEM, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: ALONE,
  });
  const { status, stderr } = await ended(child);
  expect(stderr).not.toContain("page cache");
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return { start, operations: operationsIn(trace, disk), end: readFileSync(disk) };
}

/** Offset and length of each write, and the flushes between them. */
function shapeOf(operations: readonly Operation[]): string[] {
  return operations.flatMap((one) => {
    if (one.kind === "end") return [];
    if (one.kind === "flush") return ["flush"];
    const how = one.queued === true ? "queued" : "write";
    return [`${how} ${one.offsetBytes}+${one.bytes.byteLength}`];
  });
}

/** The kernel may finish writes in any order, but a flush waits for all writes before it. */
function expectNoneUnderWay(operations: readonly Operation[]): void {
  let underWay = 0;
  for (const one of operations) {
    if (one.kind === "write" && one.queued === true) underWay += 1;
    if (one.kind === "end") underWay -= 1;
    if (one.kind === "flush") expect(underWay).toBe(0);
  }
}

for (const loader of LOADER_NAMES)
  test(`${loader}: the binary writes and flushes what the tests in memory record, in the same order`, async () => {
    await using folder = await temporaryFolder();
    const text = await imageIn(folder, 1);
    const { start, operations } = await recordBinary(folder, loader, { source: text, jobs: 1 });
    const source = await openSource(text, {
      files: linuxFiles,
      architecture: "amd64",
      insecureRegistries: [],
      environment: {},
      userId: 1000,
      log() {},
      signal: new AbortController().signal,
    });
    const twin = new RecordedDisk(start);
    await upgradeTo(source, machineWith(twin.file));
    expect(shapeOf(operations)).toEqual(shapeOf(twin.operations));
    expect(operations.filter((one) => one.kind === "write" && one.queued).length).toBeGreaterThan(
      2,
    );
    expectNoneUnderWay(operations);
    expectNoneUnderWay(twin.operations);
  });

for (const loader of LOADER_NAMES)
  test.each([1, 2])(
    `${loader}: every cut of the binary's own writes by %i threads leaves a system that boots`,
    async (jobs) => {
      await using folder = await temporaryFolder();
      const source = await imageIn(folder, 3);
      const { start, operations, end } = await recordBinary(folder, loader, { source, jobs });
      const recorded = new RecordedDisk(start);
      recorded.replay(operations);
      // No operation is missing.
      expect(Buffer.compare(recorded.image().bytes(), end)).toBe(0);
      const whole: Whole = new Map();
      learn(whole, start.file());
      learn(whole, recorded.image().file());
      const expectation = { loader, whole, gen: await genOn(start), fell: false };
      let cuts = 0;
      for (const cut of recorded.cuts()) {
        await explain(cut, () => judge(cut.image.fork(), expectation));
        cuts += 1;
      }
      console.log(`count: cuts ${cuts}`);
      expect(cuts).toBeGreaterThan(operations.length);
    },
  );
