import { expect, test } from "bun:test";
import { getPriority } from "node:os";
import { giveWay } from "../../src/system/give-way.ts";

test("giveWay() is nicer by ten, of this thread", () => {
  const calls: number[][] = [];
  giveWay(
    () => expect.unreachable(),
    (...call: number[]) => void calls.push(call),
  );
  expect(calls).toEqual([[0, Math.min(getPriority(0) + 10, 19)]]);
});

test("giveWay() tells where it is forbidden", () => {
  const told: string[] = [];
  giveWay(
    (text) => void told.push(text),
    () => {
      throw new Error("EPERM: not allowed");
    },
  );
  expect(told).toEqual(["Cannot give way to other threads: EPERM: not allowed"]);
});
