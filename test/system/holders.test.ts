import { expect, test } from "bun:test";
import { Holders } from "../../src/system/holders.ts";

test("hold() begins for the first user and ends with the last one", () => {
  const holders = new Holders();
  const log: string[] = [];
  const hold = (key: string): (() => void) | undefined =>
    holders.hold(key, () => {
      log.push(`begin ${key}`);
      return () => log.push(`end ${key}`);
    });
  const [one, two, other] = [hold("a"), hold("a"), hold("b")];
  one?.();
  one?.();
  expect(log).toEqual(["begin a", "begin b"]);
  two?.();
  other?.();
  hold("a");
  expect(log).toEqual(["begin a", "begin b", "end a", "end b", "begin a"]);
});

test("hold() begins again after a failure", () => {
  const holders = new Holders();
  expect(holders.hold("a", () => undefined)).toBeUndefined();
  expect(() =>
    holders.hold("a", () => {
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(holders.hold("a", () => () => {})).toBeDefined();
});
