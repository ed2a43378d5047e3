import { expect, test } from "bun:test";

import { Litter } from "../../src/lib/garbage.ts";

const litterers = (): WeakRef<object>[] => Array.from({ length: 100 }, () => new WeakRef({}));

const alive = (refs: readonly WeakRef<object>[]): number =>
  refs.filter((ref) => ref.deref() !== undefined).length;

/** What a WeakRef is made of or gives stays until the turn ends. */
const turn = (): Promise<void> => Bun.sleep(0);

test("Litter has what was left behind collected, 20,000 at a time", async () => {
  const litter = new Litter();
  for (let round = 0; round < 3; round += 1) {
    const refs = litterers();
    await turn();
    litter.add(19_999);
    expect(alive(refs)).toBe(100);
    await turn();
    litter.add(1);
    // Some may still seem to be on the stack.
    expect(alive(refs)).toBeLessThan(10);
  }
});
