import { expect, test } from "bun:test";

import { once } from "../../src/lib/once.ts";
import { rejection } from "../fakes/source.ts";

test("once() performs an action that succeeds once, and repeats one that failed", async () => {
  let count = 0;
  const action = once(async () => {
    count += 1;
    if (count === 1) throw new Error("first");
    return count;
  });
  expect((await rejection(action())).message).toBe("first");
  expect(await Promise.all([action(), action()])).toEqual([2, 2]);
});
