/** Reproducible random numbers. CI always uses the same seed, so that a failure is caused by the tested change. */
const FIXED_SEED = 20_260_101;

/** `make soak` tries everything, and uses a new seed each time where it cannot. */
export const SOAK: boolean = process.env["TANDEM_SOAK"] !== undefined;
export const SEED: number = Number(
  process.env["TANDEM_SEED"] ?? (SOAK ? Date.now() % 1_000_000 : FIXED_SEED),
);

/** A random generator. Equal seeds and names give equal numbers. */
export class Random {
  #state: number;

  constructor(name: string, seed: number = SEED) {
    this.#state = (Bun.hash.crc32(`${seed} ${name}`) % 2147483646) + 1;
  }

  /** Returns an integer from 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state * 48271) % 2147483647;
    return Math.floor((this.#state / 2147483647) * limit);
  }

  from<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new Error("there is nothing to choose from");
    return choice;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** Returns at most `count` of the items, in random order. */
  some<T>(choices: readonly T[], count: number): T[] {
    const left = [...choices];
    const drawn: T[] = [];
    while (drawn.length < count && left.length > 0)
      drawn.push(...left.splice(this.below(left.length), 1));
    return drawn;
  }

  /** Returns at most `count` items of all groups, as evenly as possible. */
  evenly<T>(groups: Iterable<readonly T[]>, count: number): T[] {
    let left = [...groups].map((group) => this.some(group, group.length));
    const drawn: T[] = [];
    while (drawn.length < count && left.length > 0) {
      drawn.push(...this.some(left, left.length).flatMap((group) => group.splice(0, 1)));
      left = left.filter((group) => group.length > 0);
    }
    return drawn.slice(0, count);
  }
}
