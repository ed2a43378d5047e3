import * as jsc from "bun:jsc";
import { expect, spyOn, test } from "bun:test";

import { GarbageCounter } from "../../src/lib/garbage.ts";

test("GarbageCounter collects once for 20,000 items", () => {
  using collect = spyOn(jsc, "edenGC");
  const garbage = new GarbageCounter();
  const at: number[] = [];
  for (let count = 1; count <= 70_000; count += 1) {
    garbage.add(1);
    if (collect.mock.calls.length > at.length) at.push(count);
  }
  expect(at).toEqual([20_000, 40_000, 60_000]);
});
