/**
 * Full file systems below a loop device or a file, and a device that loses its end: real errors and real partial
 * writes.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chownSync, mkdirSync, truncateSync } from "node:fs";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { MiB } from "../../src/lib/units.ts";
import { TANDEM } from "../binary/appliance.ts";
import { PLACES } from "../fakes/whole-disk.ts";
import { command } from "../peers/command.ts";
import { changed, judgeBoots, judgeRun, Snapshot } from "./judge.ts";
import { Random, SEED, SOAK } from "./random.ts";
import { writeSparse } from "./sparse-file.ts";
import { type Run, runLimited, runPlain } from "./strace.ts";
import { judgeNext } from "./trial.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { makeWorld, NOBODY, type World } from "./world.ts";

setDefaultTimeout(8 * 3_600_000);
const COUNT = Number(process.env["TANDEM_FAULTS"] ?? (SOAK ? 50 : 4));
/** A disk has 3 MiB of data, and an upgrade writes as much again. */
const ROOM = { minBytes: 3 * MiB, spreadBytes: 4 * MiB } as const;

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const CASES = LOADER_NAMES.flatMap((loader) =>
  ["a file", "a loop device"].map((where) => ({ loader, where })),
);
const name = `$loader, ${COUNT} upgrades of $where that runs out of space (TANDEM_SEED=${SEED})`;

test.each(CASES)(name, async ({ loader, where }) => {
  const random = new Random(`full ${loader} ${where}`);
  const wrong: string[] = [];
  for (let done = 0; done < COUNT; done += 1) {
    const roomBytes = ROOM.minBytes + random.below(ROOM.spreadBytes);
    const found = await upgradeWithin(roomBytes, loader, where === "a loop device");
    wrong.push(...found.map((what) => `${roomBytes} bytes: ${what}`));
  }
  console.log(`count: faults ${COUNT}`);
  expect(wrong).toEqual([]);
});

/**
 * The disk is a sparse file on a file system of `roomBytes`. When it is full, the test enlarges it, and the next
 * upgrade must succeed.
 */
async function upgradeWithin(
  roomBytes: number,
  loader: LoaderName,
  isDevice: boolean,
): Promise<string[]> {
  const original = new Snapshot(world.disk("installed", loader));
  await using small = await smallFileSystem(roomBytes);
  const path = `${small.path}/disk.img`;
  writeSparse(path, original.bytes);
  chownSync(path, NOBODY, NOBODY);
  const run = isDevice ? await onDevice(path, upgrade) : await upgrade(path, runPlain);
  const after = new Snapshot(path);
  const wrong = [
    ...judgeRun(run),
    ...changed(original, after, ["a"]),
    ...(await judgeBoots({ world, loader, before: original }, after)),
  ];
  if (run.status !== 0 && !/no space|input\/output|i\/o error/i.test(run.stderr))
    wrong.push(`it does not say what is full: ${run.stderr.slice(-300)}`);
  await command("mount", "-o", "remount,size=100%", small.path);
  return [...wrong, ...(await judgeNext(world, path, after))];
}

type Runner = (...args: readonly string[]) => Promise<Run>;

function upgrade(disk: string, run: Runner): Promise<Run> {
  return run("upgrade", "--disk", disk, "--source", world.source("2"));
}

/** Runs as root, because device nodes belong to root. */
const asRoot: Runner = (...args) => runLimited([TANDEM, ...args]);

async function onDevice(
  path: string,
  action: (disk: string, run: Runner) => Promise<Run>,
): Promise<Run> {
  const disk = (await command("losetup", "--find", "--show", path)).trim();
  try {
    return await action(disk, asRoot);
  } finally {
    await command("losetup", "--detach", disk);
  }
}

async function smallFileSystem(
  sizeBytes: number,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = world.folder.in(`small-${crypto.randomUUID()}`);
  mkdirSync(path);
  await command("mount", "-t", "tmpfs", "-o", `size=${sizeBytes},mode=755`, "tmpfs", path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await command("umount", path);
    },
  };
}

/** The file of the loop device is truncated, so that reads beyond its end give real EIO errors. */
test.each(LOADER_NAMES)(
  "%s: a device that loses its end is reported by every verb",
  async (loader) => {
    const wrong: string[] = [];
    for (const verb of [["verify", "b"], ["doctor", "--verify"], ["status"], ["rollback"]]) {
      const path = world.disk("armed", loader);
      const before = new Snapshot(path);
      const run = await onDevice(path, async (disk, runHere) => {
        truncateSync(path, PLACES.b.offsetBytes + MiB);
        return runHere(...verb, "--disk", disk);
      });
      const kept = PLACES.a.offsetBytes + PLACES.a.sizeBytes;
      const now = new Snapshot(path);
      if (Buffer.compare(before.part("a"), now.bytes.subarray(PLACES.a.offsetBytes, kept)) !== 0)
        wrong.push(`${verb.join(" ")}: a has changed`);
      wrong.push(...judgeRun(run).map((what) => `${verb.join(" ")}: ${what}`));
      if (run.status === 0 && verb[0] !== "status" && verb[0] !== "rollback")
        wrong.push(`${verb.join(" ")}: status 0 although slot b cannot be read`);
    }
    console.log("count: faults 4");
    expect(wrong).toEqual([]);
  },
);
