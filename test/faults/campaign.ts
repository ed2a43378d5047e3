/** Many trials one after the other, counted. */
import { nameOf, runTrial, type Trial } from "./trial.ts";
import type { World } from "./world.ts";

export class Campaign {
  readonly #what: string;
  #tried = 0;
  #hits = 0;

  /** `what`: as the sum calls them. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Returns a line for everything that is wrong. */
  async run(world: World, trials: readonly Trial[]): Promise<string[]> {
    const wrong: string[] = [];
    let hits = 0;
    for (const trial of trials) {
      const outcome = await runTrial(world, trial);
      if (outcome.hit) hits += 1;
      wrong.push(...outcome.wrong.map((what) => `${nameOf(trial)}: ${what}`));
    }
    console.log(`count: ${this.#what} ${hits}`);
    this.#tried += trials.length;
    this.#hits += hits;
    return wrong;
  }

  /** Threads share their work anew in each run, so a call that was seen once need not come again. */
  get shareOfHits(): number {
    return this.#hits / this.#tried;
  }
}
