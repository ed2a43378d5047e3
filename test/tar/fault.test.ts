import { expect, test } from "bun:test";

import { TandemError } from "../../src/lib/error.ts";
import { Fault, quoted, refused } from "../../src/tar/fault.ts";
import { pathOf } from "../fixtures/view.ts";

test.each([
  [undefined, "Cannot unpack layer 1: it is bad"],
  ["", 'Cannot unpack layer 1: entry "/": it is bad'],
  ["caf\xc3\xa9/\xff", 'Cannot unpack layer 1: entry "caf\\xc3\\xa9/\\xff": it is bad'],
  ["caf\xc3\xa9", 'Cannot unpack layer 1: entry "café": it is bad'],
])("refused() names the entry %p", (path, message) => {
  const cause = new Fault("it is bad");
  const error = refused(cause, "layer 1", path === undefined ? undefined : pathOf(path));
  expect(error).toBeInstanceOf(TandemError);
  expect(error).toMatchObject({ code: "content", message, cause });
});

test("refused() names an entry without a name by its number", () => {
  expect(refused(new Fault("it is bad"), "layer 1", 3)).toMatchObject({
    message: "Cannot unpack layer 1: entry number 3: it is bad",
  });
});

test("refused() returns other errors unchanged", () => {
  const error = new TandemError("no-space", "Cannot write a file: it is too large");
  expect(refused(error, "layer 1")).toBe(error);
});

test("quoted() shortens a long name", () => {
  expect(quoted(pathOf("n".repeat(256)))).toBe(`"${"n".repeat(256)}"`);
  expect(quoted(pathOf("n".repeat(257)))).toBe(`"${"n".repeat(256)}…"`);
});
