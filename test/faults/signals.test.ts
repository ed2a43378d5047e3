/**
 * Kills or interrupts the binary at a system call. The bootable systems must still boot, and the next run must succeed.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Campaign } from "./campaign.ts";
import { Random, SEED, SOAK } from "./random.ts";
import { STORIES } from "./stories.ts";
import { faultsOf, type Trial } from "./trial.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { makeWorld, type World } from "./world.ts";

setDefaultTimeout(8 * 3_600_000);
/** The number of signals for each story and loader. */
const COUNT = Number(process.env["TANDEM_SIGNALS"] ?? (SOAK ? 60 : 2));
const CASES = STORIES.flatMap((story) => LOADER_NAMES.map((loader) => ({ story, loader })));
const SIGNALS = ["signal=KILL", "signal=TERM"] as const;
const campaign = new Campaign("signals");

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test.each(CASES)(
  `$story.name, $loader: stopped at ${COUNT} system calls (TANDEM_SEED=${SEED})`,
  async ({ story, loader }) => {
    const random = new Random(`signals ${story.name} ${loader}`);
    const places = signalsAt(await faultsOf(world, { story, loader }));
    const kinds = Map.groupBy(places, ({ injection: { call, kind } }) => `${call} ${kind}`);
    const trials = random.evenly(kinds.values(), COUNT);
    expect(await campaign.run(world, trials)).toEqual([]);
  },
);

test("most of the chosen signals were sent", () => {
  expect(campaign.shareOfHits).toBeGreaterThan(0.5);
});

/** Both signals, at each call that could fail. */
function signalsAt(faults: readonly Trial[]): Trial[] {
  const places = new Map<string, Trial>();
  for (const trial of faults) {
    const { call, when } = trial.injection;
    if (!when.endsWith("+")) places.set(`${call} ${when}`, trial);
  }
  return [...places.values()].flatMap((trial) =>
    SIGNALS.map((kind) => ({ ...trial, injection: { ...trial.injection, kind } })),
  );
}
