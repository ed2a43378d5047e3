import { expect, test } from "bun:test";
import { getPriority } from "node:os";
import { lowerPriority } from "../../src/system/lower-priority.ts";

test("lowerPriority() raises the niceness of this thread by ten", () => {
  const calls: number[][] = [];
  lowerPriority(
    () => expect.unreachable(),
    (...call: number[]) => void calls.push(call),
  );
  expect(calls).toEqual([[0, Math.min(getPriority(0) + 10, 19)]]);
});

test("lowerPriority() reports a refusal of the kernel", () => {
  const texts: string[] = [];
  lowerPriority(
    (text) => void texts.push(text),
    () => {
      throw new Error("EPERM: not allowed");
    },
  );
  expect(texts).toEqual(["Cannot lower the priority of a thread: EPERM: not allowed"]);
});
