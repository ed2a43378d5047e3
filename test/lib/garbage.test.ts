import * as jsc from "bun:jsc";
import { expect, spyOn, test } from "bun:test";

import { Litter } from "../../src/lib/garbage.ts";

test("Litter is collected 20,000 at a time", () => {
  using collect = spyOn(jsc, "edenGC");
  const litter = new Litter();
  const at: number[] = [];
  for (let count = 1; count <= 70_000; count += 1) {
    litter.add(1);
    if (collect.mock.calls.length > at.length) at.push(count);
  }
  expect(at).toEqual([20_000, 40_000, 60_000]);
});
