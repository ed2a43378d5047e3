/** Cuts the power before every write and flush. Tries all ways in which a disk can lose unflushed writes. */
import { expect, test } from "bun:test";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { type Cut, RecordedDisk } from "../fakes/recorded-disk.ts";
import { machineWith } from "../fakes/whole-disk.ts";
import {
  type Expectation,
  expectTrial,
  explain,
  genOn,
  goOn,
  judge,
  learn,
  type Whole,
} from "./judge.ts";
import { boot } from "./loader.ts";
import { STORIES, type Story } from "./story.ts";

/**
 * Every nth cut is followed by a second cut during the recovery. A prime number, so that all kinds of cuts are chosen.
 */
const CUT_AGAIN: Readonly<Record<LoaderName, number>> = { grub: 13, "systemd-boot": 97 };
const FEW = { subsetsMax: 2, tearsMax: 2 } as const;
const SOME = { subsetsMax: 6, tearsMax: 4 } as const;

interface RecordedStory {
  readonly recorded: RecordedDisk;
  readonly expectation: Expectation;
}

async function recordStory(loader: LoaderName, story: Story): Promise<RecordedStory> {
  const start = await story.start(loader);
  const recorded = new RecordedDisk(start);
  await story.act(machineWith(recorded.file, story.cmdline));
  const whole: Whole = new Map();
  learn(whole, start.file());
  learn(whole, recorded.image().file());
  const { fell = false } = story;
  return { recorded, expectation: { loader, whole, gen: await genOn(start), fell } };
}

for (const loader of LOADER_NAMES)
  for (const story of STORIES) {
    const name = `${loader}: ${story.name}`;

    test(`${name}: a system boots after every cut`, async () => {
      const { recorded, expectation } = await recordStory(loader, story);
      let cuts = 0;
      for (const cut of recorded.cuts()) {
        await explain(cut, () => judge(cut.image.fork(), expectation));
        cuts += 1;
      }
      console.log(`${name}: ${recorded.operations.length} operations, ${cuts} cuts, all boot`);
      console.log(`count: cuts ${cuts}`);
      expect(cuts).toBeGreaterThan(recorded.operations.length);
    });

    test(`${name}: after a cut the next upgrade succeeds`, async () => {
      const { recorded } = await recordStory(loader, story);
      let cuts = 0;
      for (const cut of recorded.cuts(loader === "grub" ? SOME : FEW)) {
        const disk = cut.image.file();
        await explain(cut, async () => {
          await goOn(disk, (await boot(loader, disk)).cmdline, "v9");
          await expectTrial(loader, disk, "v9");
        });
        cuts += 1;
      }
      console.log(`${name}: ${cuts} cuts, after all of them the next upgrade succeeds`);
      console.log(`count: cuts ${cuts}`);
      expect(cuts).toBeGreaterThan(recorded.operations.length);
    });

    test(`${name}: a system boots after a cut during the recovery from a cut`, async () => {
      const { recorded, expectation } = await recordStory(loader, story);
      let [cuts, again] = [0, 0];
      for (const first of recorded.cuts(FEW)) {
        cuts += 1;
        if (cuts % CUT_AGAIN[loader] === 1) again += await cutAgain(first, expectation);
      }
      console.log(`${name}: ${again} cuts after a cut, all boot`);
      console.log(`count: cuts ${again}`);
      expect(again).toBeGreaterThan(cuts / CUT_AGAIN[loader]);
    });
  }

/** Recovers from a cut, and cuts the recovery at every point. Returns the number of cuts. */
async function cutAgain(first: Cut, { loader, whole, fell }: Expectation): Promise<number> {
  // Only tandem's writes are cut: firmware may lose an entry while it renames it, which tandem cannot prevent.
  const { cmdline } = await boot(loader, first.image.file());
  const gen = await genOn(first.image);
  const recorded = new RecordedDisk(first.image);
  await goOn(recorded.file, cmdline, "v9");
  const wholeNow: Whole = new Map(whole);
  learn(wholeNow, first.image.file());
  learn(wholeNow, recorded.image().file());
  const expectation = { loader, whole: wholeNow, gen, fell };
  let cuts = 0;
  for (const second of recorded.cuts(FEW)) {
    const name = `${first.name}; then ${second.name}`;
    await explain({ ...second, name }, () => judge(second.image, expectation));
    cuts += 1;
  }
  return cuts;
}
