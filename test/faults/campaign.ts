/** Runs many trials one after another, and counts them. */
import { nameOf, runTrial, type Trial } from "./trial.ts";
import type { World } from "./world.ts";

export class Campaign {
  readonly #what: string;
  #tried = 0;
  #hits = 0;

  /** `what`: the word for the trials in the summary. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Runs the trials. Returns one line for each fault. */
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

  /** Threads share the work differently in each run, so a call of one run may not happen in the next. */
  get shareOfHits(): number {
    return this.#hits / this.#tried;
  }
}
