import { expect, test } from "bun:test";
import { byteStringOf } from "../../src/lib/byte-string.ts";
import { Exclusions } from "../../src/source/exclusions.ts";

test.each(["/var/log", "var/log", "var/log/", "./var//log"])("%p names var/log", (text) => {
  const exclusions = new Exclusions([text]);
  expect(exclusions.has(byteStringOf("var"))).toBe(false);
  expect(exclusions.has(byteStringOf("var/log"))).toBe(true);
  expect(exclusions.has(byteStringOf("var/log2"))).toBe(false);
});

test("unseen() gives what was never met", () => {
  const exclusions = new Exclusions(["/a", "/b"]);
  exclusions.has(byteStringOf("b"));
  expect(exclusions.unseen()).toEqual(["/a"]);
});

test("what is skipped is left out, and never missed", () => {
  const exclusions = new Exclusions(["/a"], ["/a", "/b", "/c/"]);
  expect(["a", "b", "c", "d"].map((path) => exclusions.has(byteStringOf(path)))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(new Exclusions([], ["/b"]).unseen()).toEqual([]);
});

test.each(["", "/", ".", "a/../b", ".."])("%p is refused", (text) => {
  expect(() => new Exclusions([text])).toThrow(
    expect.objectContaining({
      code: "usage",
      message: `Cannot exclude "${text}": it is no path below the folder`,
    }),
  );
});
