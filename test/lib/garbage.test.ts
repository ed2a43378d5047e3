import { expect, spyOn, test } from "bun:test";

import { Litter } from "../../src/lib/garbage.ts";

test("Litter is collected ever more seldom", () => {
  using gc = spyOn(Bun, "gc");
  const litter = new Litter();
  const at: number[] = [];
  for (let nodes = 1; nodes <= 200_000; nodes += 1) {
    litter.add(1);
    if (gc.mock.calls.length > at.length) at.push(nodes);
  }
  expect(at).toEqual([20_000, 60_000, 140_000]);
});
