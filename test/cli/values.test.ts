import { expect, test } from "bun:test";
import { count, fileSystemLabel, list, size, wholes } from "../../src/cli/values.ts";

test.each([
  [undefined, undefined],
  ["1", 1],
  ["9", 9],
  ["30", 30],
])("count(%p) is %p", (text, value) => {
  expect(count("--tries", text, 30)).toBe(value);
});

test.each(["", "0", "-1", "+1", "01", "1.5", "1e1", " 1", "x", "31", "9999999"])(
  "count(%p) is refused",
  (text) => {
    expect(() => count("--tries", text, 30)).toThrow(
      `Cannot use --tries "${text}": want a whole number from 1 to 30`,
    );
  },
);

test.each([
  [undefined, undefined],
  ["1", 1],
  ["512MiB", 512 * 1024 * 1024],
])("size(%p) is %p", (text, sizeBytes) => {
  expect(size("--size", text)).toBe(sizeBytes);
});

test.each(["", "0", "0GiB", "-1", "1.5G", "large"])("size(%p) is refused", (text) => {
  expect(() => size("--size", text)).toThrow(`Cannot use --size "${text}": want a size such as`);
});

test.each([undefined, "", "x", "1234567890123456", "äöüäöüäö"])(
  "fileSystemLabel(%p) fits",
  (text) => {
    expect(fileSystemLabel("--label", text)).toBe(text);
  },
);

test.each([
  ["12345678901234567", 17],
  ["äöüäöüäöx", 17],
])("fileSystemLabel(%p) is refused", (text, sizeBytes) => {
  expect(() => fileSystemLabel("--label", text)).toThrow(
    `Cannot use --label "${text}": it has ${sizeBytes} bytes, want at most 16`,
  );
});

test.each([
  [undefined, []],
  ["", []],
  ["a", ["a"]],
  ["a,b:5000,,c", ["a", "b:5000", "c"]],
])("list(%p) is %p", (text, words) => {
  expect(list(text)).toEqual(words);
});

test.each([
  [undefined, []],
  ["", [""]],
  ["/a,b", ["/a,b"]],
  ["/a\0\0/b", ["/a", "", "/b"]],
])("wholes(%p) is %p", (text, values) => {
  expect(wholes(text)).toEqual(values);
});
