/**
 * Cuts while the image files of a Kairos machine change places, on an ext4 that the kernel has mounted: what it writes
 * to its disk is recorded, and each disk that a cut can leave is looked at twice: with the journal replayed, by the
 * kernel, and without, by GRUB.
 */
import { expect, test } from "bun:test";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { finishSwap, readImageFiles, swapImages } from "../../src/slot/kairos/image-files.ts";
import { linuxMountedFiles, type MountedFiles } from "../../src/system/mounted-files.ts";
import { syncFileSystem } from "../../src/system/syscall.ts";
import type { Checksums } from "../../src/ext4/superblock.ts";
import {
  cutsOf,
  grubsView,
  kernelsView,
  labelTearsOf,
  type Recording,
  recordOnState,
  type StateCut,
  type StateDisk,
  stateDisk,
  type View,
} from "./state-disk.ts";

interface SwapStory {
  readonly name: string;
  readonly checksums: Checksums;
  readonly keepPassive: boolean;
}

const STORIES: readonly SwapStory[] = [
  { name: "from active", checksums: "descriptors", keepPassive: false },
  { name: "from active, metadata checksums", checksums: "metadata", keepPassive: false },
  { name: "from passive", checksums: "descriptors", keepPassive: true },
];
const [
  FROM_ACTIVE = expect.unreachable(),
  WITH_CHECKSUMS = expect.unreachable(),
  FROM_PASSIVE = expect.unreachable(),
] = STORIES;

const BEFORE = ["v1 COS_ACTIVE", "v0 COS_PASSIVE"] as const;
const HALF = ["v2 COS_ACTIVE", "v0 COS_PASSIVE"] as const;
const DONE = ["v2 COS_ACTIVE", "v1 COS_PASSIVE"] as const;

/** Throws unless both names lead to whole systems that can be told apart, in an order that a swap has. */
function judgeView(who: string, view: View, story: SwapStory): void {
  const allowed = story.keepPassive ? [BEFORE, HALF] : [BEFORE, HALF, DONE];
  const isRight = allowed.some(
    ([active, passive]) => view.active === active && view.passive === passive,
  );
  if (!isRight) throw new Error(`${who} sees active ${view.active}, passive ${view.passive}`);
}

/** GRUB first: the kernel's mount replays the journal. */
async function judge(disk: StateDisk, cut: StateCut, story: SwapStory): Promise<void> {
  judgeView("GRUB", await grubsView(disk, cut), story);
  const after = kernelsView(disk, (before, folder) => {
    judgeView("the kernel", before, story);
    finishSwap({ path: folder, files: { ...linuxMountedFiles, flush: () => {} } });
  });
  judgeView("the next run", after, story);
  const left = after.names.filter((name) => !["active.img", "passive.img"].includes(name));
  const isStart = after.active === BEFORE[0];
  const wrong = isStart ? after.passive !== BEFORE[1] : after.passive === HALF[1];
  if (left.some((name) => name !== "transition.img") || (wrong && !story.keepPassive))
    throw new Error(`the next run leaves ${JSON.stringify(after)}`);
}

async function judgeDone(disk: StateDisk, cut: StateCut, story: SwapStory): Promise<void> {
  const view = await grubsView(disk, cut);
  const [active, passive] = story.keepPassive ? HALF : DONE;
  if (view.active !== active || view.passive !== passive)
    throw new Error(`after the end GRUB sees active ${view.active}, passive ${view.passive}`);
}

/** The first cut that leaves a machine which does not start, with the reason. */
async function firstFailure(
  disk: StateDisk,
  recording: Recording,
  story: SwapStory,
): Promise<{ readonly cuts: number; readonly reason?: string }> {
  let cuts = 0;
  for (const cut of cutsOf(disk, recording)) {
    cuts += 1;
    try {
      if (cut.after >= recording.returnedAfter) await judgeDone(disk, cut, story);
      await judge(disk, cut, story);
    } catch (error) {
      return { cuts, reason: `cut ${cut.name}: ${String(error)}` };
    }
  }
  return { cuts };
}

/** Swaps, or does what a mutation has made of it. */
type Act = (folder: string) => void;

const swapWith =
  (story: SwapStory, files: MountedFiles): Act =>
  (path) =>
    swapImages({ path, files }, story);

test.each([...STORIES])("swap $name: every cut leaves two systems that start", async (story) => {
  await using disk = await stateDisk(story.checksums);
  const recording = await recordOnState(disk, swapWith(story, linuxMountedFiles));
  const { cuts, reason } = await firstFailure(disk, recording, story);
  expect(reason).toBeUndefined();
  console.log(`swap ${story.name}: ${recording.operations.length} operations, ${cuts} cuts`);
  console.log(`count: cuts ${cuts}`);
  expect(cuts).toBeGreaterThan(recording.operations.length - recording.beganAfter);
});

test.each([
  [FROM_ACTIVE, 0],
  [WITH_CHECKSUMS, 2],
])("a torn label harms nothing: %p", async (story, unmountable) => {
  await using disk = await stateDisk(story.checksums);
  const recording = await recordOnState(disk, swapWith(story, linuxMountedFiles));
  const labels: (string | undefined)[] = [];
  for (const cut of labelTearsOf(disk, recording)) {
    kernelsView(disk, (_, path) => {
      labels.push(readImageFiles({ path, files: linuxMountedFiles }).previous?.label);
    });
    await judge(disk, cut, story);
  }
  expect(labels.length).toBe(14);
  expect(labels.filter((label) => label === undefined).length).toBe(unmountable);
});

/** Leaves out the flush with this number. */
function withoutFlush(number: number): MountedFiles {
  let flushes = 0;
  return {
    ...linuxMountedFiles,
    flush(path) {
      flushes += 1;
      if (flushes !== number) linuxMountedFiles.flush(path);
    },
  };
}

const flushWith = (flush: (descriptor: number) => void): MountedFiles => ({
  ...linuxMountedFiles,
  flush(path) {
    const descriptor = openSync(path, "r");
    flush(descriptor);
    closeSync(descriptor);
  },
});

/** A replaced system keeps no name. */
const withoutReplaced: MountedFiles = {
  ...linuxMountedFiles,
  link(path, to) {
    if (!to.endsWith("/replaced.img")) linuxMountedFiles.link(path, to);
  },
  remove(path) {
    if (!path.endsWith("/replaced.img")) linuxMountedFiles.remove(path);
  },
};

type Calls = readonly (readonly ["link" | "rename" | "label", string, string?])[];

/** The calls one after the other, each flushed. */
const calls =
  (steps: Calls): Act =>
  (folder) => {
    const files = linuxMountedFiles;
    files.flush(folder);
    for (const [kind, from, to = ""] of steps) {
      const [path, other] = [`${folder}/${from}.img`, `${folder}/${to}.img`];
      if (kind === "label") files.write(path, 0x478, Buffer.from("COS_PASSIVE\0\0\0\0\0"));
      else files[kind](path, other);
      files.flush(folder);
    }
  };

test.each<[string, Act]>([
  ["no flush after the first rename", swapWith(FROM_ACTIVE, withoutFlush(3))],
  ["no flush after the second rename", swapWith(FROM_ACTIVE, withoutFlush(6))],
  ["a flush that leaves the cache of the device", swapWith(FROM_ACTIVE, flushWith(syncFileSystem))],
  ["fsync of the folder in place of syncfs", swapWith(FROM_ACTIVE, flushWith(fsyncSync))],
  ["a freed passive system", swapWith(FROM_ACTIVE, withoutReplaced)],
  [
    "no flush of what a killed run has renamed",
    (path) => {
      linuxMountedFiles.flush(path);
      linuxMountedFiles.link(`${path}/active.img`, `${path}/previous.img`);
      linuxMountedFiles.rename(`${path}/transition.img`, `${path}/active.img`);
      finishSwap({ path, files: withoutFlush(1) });
    },
  ],
  [
    "the label before the rename",
    calls([
      ["link", "active", "previous"],
      ["label", "previous"],
      ["rename", "transition", "active"],
      ["rename", "previous", "passive"],
    ]),
  ],
  [
    "the order of the original",
    calls([
      ["rename", "active", "passive"],
      ["label", "passive"],
      ["rename", "transition", "active"],
    ]),
  ],
])("the judge condemns a swap with %s", async (name, act) => {
  await using disk = await stateDisk("descriptors");
  const { reason } = await firstFailure(disk, await recordOnState(disk, act), FROM_ACTIVE);
  console.log(`${name}: ${reason}`);
  expect(reason).toBeDefined();
});

test("the judge condemns a swap from passive that frees the active system", async () => {
  await using disk = await stateDisk("descriptors");
  const act = swapWith(FROM_PASSIVE, withoutReplaced);
  const { reason } = await firstFailure(disk, await recordOnState(disk, act), FROM_PASSIVE);
  expect(reason).toBeDefined();
});
