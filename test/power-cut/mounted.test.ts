/**
 * Cuts the power while systemd-boot's files are written to the mounted ESP. A cut may lose or keep what was not
 * flushed.
 */
import { expect, test } from "bun:test";
import { mountedEsp } from "../../src/boot/esp/mounted-esp.ts";
import { systemdBootOn } from "../../src/boot/systemd-boot/systemd-boot.ts";
import { Fat } from "../../src/fat/fat.ts";
import { durableFilesOn } from "../../src/system/durable-files.ts";
import type { FileCalls } from "../../src/system/file-calls.ts";
import { DEVICE, LossyFiles, type Tree } from "../fakes/lossy-files.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { type Cut, RecordedDisk } from "../fakes/recorded-disk.ts";
import { fillEsp, machineWith, partOfDisk } from "../fakes/whole-disk.ts";
import { type Expectation, explain, genOn, judge, learn, type Whole } from "./judge.ts";
import { STORIES, type Story } from "./story.ts";

const MOUNT = { device: DEVICE, root: "/", path: "/efi", isReadOnly: false };
/** A sample of the disk's cuts: the other tests have all of them, and this test is about the ESP. */
const FEW = { subsetsMax: 0, tearsMax: 0 } as const;

interface RecordedStory {
  readonly recorded: RecordedDisk;
  readonly files: LossyFiles;
  readonly expectation: Expectation;
}

/** Makes the kernel or durable-files faulty. */
type Mutation = (calls: FileCalls) => FileCalls;

async function recordStory(
  story: Story,
  mutation: Mutation = (calls) => calls,
): Promise<RecordedStory> {
  const start = await story.start("systemd-boot");
  const recorded = new RecordedDisk(start);
  const files = new LossyFiles(treeOf(start), () => recorded.operations.length);
  const machine = machineWith(recorded.file, story.cmdline);
  const esp = mountedEsp(durableFilesOn(mutation(files.calls)), MOUNT);
  await story.act({
    ...machine,
    loader: systemdBootOn({ loaderData: machine.loaderData, esp, place: machine.esp }),
  });
  const whole: Whole = new Map();
  learn(whole, start.file());
  learn(whole, recorded.image().file());
  const { fell = false } = story;
  const expectation = { loader: "systemd-boot", whole, gen: await genOn(start), fell } as const;
  return { recorded, files, expectation };
}

/** The files of the ESP below its mount point. */
function treeOf(image: PagedImage): Tree {
  const fat = Fat.open(partOfDisk(image.file(), "esp"));
  const tree = new Map<string, Uint8Array | undefined>([[MOUNT.path, undefined]]);
  const add = (folder: string): void => {
    for (const { name, isFolder } of fat.list(folder) ?? []) {
      const path = `${folder}/${name}`;
      const chunks = [...(fat.read(path)?.read() ?? [])].map((chunk) => new Uint8Array(chunk));
      tree.set(
        `${MOUNT.path}${path}`,
        isFolder ? undefined : new Uint8Array(Buffer.concat(chunks)),
      );
      if (isFolder) add(path);
    }
  };
  add("");
  return tree;
}

/** Combines each cut of the disk near calls to the ESP with every possible state of the ESP at that moment. */
async function* cutsOf({ recorded, files }: RecordedStory): AsyncGenerator<Cut> {
  const moments = new Set([...files.moments, recorded.operations.length]);
  for (const cut of recorded.cuts(FEW)) {
    if (!moments.has(cut.after) && !moments.has(cut.after + 1)) continue;
    for (const loss of files.cutsAt(cut.after)) {
      const image = cut.image.fork();
      const inMount = [...loss.tree].slice(1);
      await fillEsp(
        image,
        new Map(inMount.map(([path, bytes]) => [path.slice(MOUNT.path.length), bytes])),
      );
      yield { name: `${cut.name}; ${loss.name}`, after: cut.after, image };
    }
  }
}

test.each(STORIES)("mounted ESP: $name: a system boots after every cut", async (story) => {
  const recording = await recordStory(story);
  let cuts = 0;
  for await (const cut of cutsOf(recording)) {
    await explain(cut, () => judge(cut.image, recording.expectation));
    cuts += 1;
  }
  console.log(
    `mounted ESP: ${story.name}: ${recording.files.operations} file calls, ${cuts} cuts, all boot`,
  );
  console.log(`count: cuts ${cuts}`);
  expect(cuts).toBeGreaterThan(recording.files.operations);
});

const isFolder = (files: FileCalls, path: string): boolean => files.stat(path)?.isFolder === true;

/** Does not flush files whose path matches. */
const withoutFlush =
  (isMeant: (calls: FileCalls, path: string) => boolean): Mutation =>
  (calls) => {
    const meant = new Set<number>();
    return {
      ...calls,
      open(path, flags) {
        const descriptor = calls.open(path, flags);
        if (isMeant(calls, path)) meant.add(descriptor);
        return descriptor;
      },
      flush(descriptor) {
        if (!meant.has(descriptor)) calls.flush(descriptor);
      },
    };
  };

test.each([
  ["no fsync of files", withoutFlush((calls, path) => !isFolder(calls, path))],
  ["no fsync of folders", withoutFlush(isFolder)],
  ["no fsync at all", withoutFlush(() => true)],
])("the judge condemns an upgrade through a mount with %s", async (name, mutation) => {
  const reason = await firstReason(mutation);
  console.log(`${name}: ${reason}`);
  expect(reason).toBeDefined();
});

async function firstReason(mutation: Mutation): Promise<string | undefined> {
  const recording = await recordStory(STORIES[0] ?? expect.unreachable(), mutation);
  for await (const cut of cutsOf(recording))
    try {
      await judge(cut.image, recording.expectation);
    } catch (error) {
      return `cut ${cut.name}: ${String(error)}`;
    }
  return undefined;
}
