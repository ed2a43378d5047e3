/**
 * Cuts the power during the first upgrade of a new disk. After each cut there is nothing to boot, or a whole system.
 */
import { expect, test } from "bun:test";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { isNewDisk } from "../../src/machine/new-disk.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { machineWith, newDisk } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";
import { expectTrial, explain, goOn, judge, judgeOrder, learn, type Whole } from "./judge.ts";
import { boot, cameUp } from "./loader.ts";

const LIMIT = 2;

async function install(recorded: RecordedDisk): Promise<string> {
  const machine = { ...machineWith(recorded.file), limit: LIMIT };
  return (await upgradeTo("v1", machine)).outcome;
}

/** Whether the disk boots. Throws when it boots an incomplete system. */
async function bootsWhole(loader: LoaderName, image: PagedImage, whole: Whole): Promise<boolean> {
  try {
    await boot(loader, image.fork().file());
  } catch {
    return false;
  }
  // The next upgrade writes a missing record.
  const { loaderData } = await cameUp(image.fork().file(), "");
  if (loaderData.record !== undefined)
    await judge(image.fork(), { loader, whole, gen: 1, fell: false });
  return true;
}

for (const loader of LOADER_NAMES)
  test(`${loader}: after a cut the first upgrade starts again, or is complete`, async () => {
    const recorded = new RecordedDisk(await newDisk(loader));
    expect(await install(recorded)).toBe("installed");
    const whole: Whole = new Map();
    learn(whole, recorded.image().file());
    const seen = { cuts: 0, silent: 0, anew: 0, done: 0 };
    const few = loader === "grub" ? {} : { subsetsMax: 2, tearsMax: 2 };
    for (const cut of recorded.cuts(few)) {
      await explain(cut, async () => {
        judgeOrder(loader, cut.image.file());
        if (!(await bootsWhole(loader, cut.image, whole))) seen.silent += 1;
        const disk = cut.image.file();
        const machine = { ...(await cameUp(disk, "")), limit: LIMIT };
        const isNew = isNewDisk(machine);
        expect(statusOf(machine)).toMatchObject({ noSystem: isNew });
        if (isNew) expect(statusOf(machine).problems).toEqual([]);
        const { outcome } = await upgradeTo("v1", machine);
        expect(outcome).toBe(isNew ? "installed" : "nothing");
        seen[isNew ? "anew" : "done"] += 1;
        expect(machineWith(disk).loaderData.record).toMatchObject({ good: "a", limit: LIMIT });
        await judge(cut.image.fork(), { loader, whole, gen: 1, fell: false });
        await goOn(disk, (await boot(loader, disk)).cmdline, "v9");
        await expectTrial(loader, disk, "v9");
      });
      seen.cuts += 1;
    }
    const { cuts, silent, anew, done } = seen;
    console.log(
      `${loader}: first upgrade: ${recorded.operations.length} operations, ${cuts} cuts, ${silent} boot nothing, ${anew} begin anew, ${done} are done`,
    );
    expect(Math.min(silent, anew, done)).toBeGreaterThan(0);
    expect(cuts).toBe(anew + done);
  });
