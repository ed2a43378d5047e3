/**
 * Makes system calls of the built binary fail. Each verb must end with its own message, and the bootable systems must
 * still boot.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Campaign } from "./campaign.ts";
import { Random, SEED, SOAK } from "./random.ts";
import { STORIES } from "./stories.ts";
import { faultsOf } from "./trial.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { makeWorld, type World } from "./world.ts";

setDefaultTimeout(8 * 3_600_000);
/** The number of faults for each story and loader, chosen from some hundreds. */
const COUNT = Number(process.env["TANDEM_FAULTS"] ?? (SOAK ? 100 : 6));
const CASES = STORIES.flatMap((story) => LOADER_NAMES.map((loader) => ({ story, loader })));
const campaign = new Campaign("faults");

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test.each(CASES)(
  `$story.name, $loader: ${COUNT} system calls fail (TANDEM_SEED=${SEED})`,
  async ({ story, loader }) => {
    const random = new Random(`faults ${story.name} ${loader}`);
    const faults = await faultsOf(world, { story, loader });
    const kinds = Map.groupBy(faults, ({ injection: { call, kind } }) => `${call} ${kind}`);
    const trials = random.evenly(kinds.values(), COUNT);
    expect(await campaign.run(world, trials)).toEqual([]);
  },
);

test("most of the chosen faults happened", () => {
  expect(campaign.shareOfHits).toBeGreaterThan(0.5);
});
