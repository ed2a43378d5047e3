/** Cuts the power before every write and flush, in every way a disk can lose what was not flushed. */
import { expect, test } from "bun:test";
import { type Cut, RecordedDisk } from "../fakes/recorded-disk.ts";
import { machineWith } from "../fakes/whole-disk.ts";
import {
  controlOn,
  type Expectation,
  explain,
  judge,
  learn,
  recoverAndUpgrade,
  type Whole,
} from "./judge.ts";
import { STORIES } from "./story.ts";

/** After each so many cuts the power is cut once more while the machine goes on: a prime number, so that each kind of cut has its turn. */
const CUT_AGAIN = 7;

for (const story of STORIES) {
  const { name, cmdline, act, fell = false } = story;

  test(`${name}: every cut leaves a system that boots`, async () => {
    const start = await story.start();
    const recorded = new RecordedDisk(start);
    await act(machineWith(recorded.file, cmdline));
    const whole: Whole = new Map();
    learn(whole, start.file());
    learn(whole, recorded.image().file());
    const gen = controlOn(start.file()).record?.gen ?? 0;
    let cuts = 0;
    for (const cut of recorded.cuts()) {
      await explain(cut, () => judge(cut.image.fork(), { whole, gen, fell }));
      cuts += 1;
    }
    console.log(`${name}: ${recorded.operations.length} operations, ${cuts} cuts, all boot`);
    expect(cuts).toBeGreaterThan(recorded.operations.length);
  });

  test(`${name}: after a cut the next upgrade succeeds`, async () => {
    const recorded = new RecordedDisk(await story.start());
    await act(machineWith(recorded.file, cmdline));
    let cuts = 0;
    for (const cut of recorded.cuts({ subsetsMax: 6, tearsMax: 4 })) {
      await explain(cut, () => recoverAndUpgrade(cut.image.file(), "v9"));
      cuts += 1;
    }
    console.log(`${name}: ${cuts} cuts, after all of them the next upgrade succeeds`);
    expect(cuts).toBeGreaterThan(recorded.operations.length);
  });

  test(`${name}: a cut while it recovers from a cut leaves a system that boots`, async () => {
    const start = await story.start();
    const recorded = new RecordedDisk(start);
    await act(machineWith(recorded.file, cmdline));
    const whole: Whole = new Map();
    learn(whole, start.file());
    learn(whole, recorded.image().file());
    let [cuts, again] = [0, 0];
    for (const first of recorded.cuts({ subsetsMax: 2, tearsMax: 2 })) {
      cuts += 1;
      if (cuts % CUT_AGAIN !== 1) continue;
      again += await cutAgain(first, { whole, fell });
    }
    console.log(`${name}: ${again} cuts after a cut, all boot`);
    expect(again).toBeGreaterThan(cuts / CUT_AGAIN);
  });
}

/** Lets the machine go on after a cut, and cuts that at every point. Returns how often. */
async function cutAgain(
  first: Cut,
  { whole, fell }: Pick<Expectation, "whole" | "fell">,
): Promise<number> {
  const recorded = new RecordedDisk(first.image);
  await recoverAndUpgrade(recorded.file, "v9");
  const gen = controlOn(first.image.file()).record?.gen ?? 0;
  const wholeNow: Whole = new Map(whole);
  learn(wholeNow, first.image.file());
  learn(wholeNow, recorded.image().file());
  let cuts = 0;
  for (const second of recorded.cuts({ subsetsMax: 2, tearsMax: 2 })) {
    const name = `${first.name}; then ${second.name}`;
    await explain({ ...second, name }, () => judge(second.image, { whole: wholeNow, gen, fell }));
    cuts += 1;
  }
  return cuts;
}
