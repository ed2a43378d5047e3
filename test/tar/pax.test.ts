import { expect, test } from "bun:test";
import fc from "fast-check";

import { parsePaxTime, readPax } from "../../src/tar/pax.ts";

/** "LENGTH KEY=VALUE\n", where the length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const digits = [1, 2, 3, 4, 5].find((n) => `${rest.length + n}`.length === n) ?? 0;
  return `${rest.length + digits}${rest}`;
}

function read(text: string): [string, string][] {
  const records: [string, string][] = [];
  const body = Buffer.from(text, "latin1");
  // The bytes after the records are left from an earlier, longer header.
  const buffer = Buffer.concat([body, Buffer.from("9 rest=1\n")]);
  readPax(buffer, body.length, (key, value) => records.push([key, value]));
  return records;
}

test.each<[string, [string, string][]]>([
  ["", []],
  ["6 a=b\n", [["a", "b"]]],
  ["5 a=\n", [["a", ""]]],
  ["11 a=b=c\nd\n", [["a", "b=c\nd"]]],
  ["12 a=\0\xff\xfe \n\n\n", [["a", "\0\xff\xfe \n\n"]]],
  [
    "6 a=b\n6 a=c\n",
    [
      ["a", "b"],
      ["a", "c"],
    ],
  ],
])("readPax(%p) is %p", (text, records) => {
  expect(read(text)).toEqual(records);
});

test.each([
  ["99 path=evil\n", "wrong length"],
  ["4 a=\n", "wrong length"],
  ["0 a=b\n", "wrong length"],
  ["a=b\n", "wrong length"],
  ["-6 a=b\n", "wrong length"],
  ["6", "wrong length"],
  ["6 a=b", "wrong length"],
  ["00000000006 a=b\n", "wrong length"],
  ["6 a=bc", "not length, key and value"],
  ["5 =b\n", "not length, key and value"],
  ["5 ab\n", "not length, key and value"],
  ["6 abc\n6 a=b\n", "not length, key and value"],
  ["11 path=a\0b\n", "not length, key and value"],
  ["12 path=a\0b\n", "NUL"],
  ["15 linkpath=\0b\n", "NUL"],
  ["8 a\0b=c\n", "NUL"],
  ["6 a=b\n\0\0", "wrong length"],
])("readPax(%p) is refused: %s", (text, reason) => {
  expect(() => read(text)).toThrow(reason);
});

test("readPax() reads back what was written", () => {
  const key = fc.stringMatching(/^[A-Za-z.%\d]{1,40}$/).filter((text) => !text.endsWith("name"));
  const value = fc
    .uint8Array({ maxLength: 300 })
    .map((bytes) => Buffer.from(bytes).toString("latin1"));
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          key.map((text) => `k.${text}`),
          value,
        ),
        { maxLength: 5 },
      ),
      (records) => {
        expect(read(records.map(([k, v]) => record(k, v)).join(""))).toEqual(records);
      },
    ),
  );
});

test.each([
  ["0", 0, 0],
  ["-0", 0, 0],
  ["1600000000.123456789", 1_600_000_000, 123_456_789],
  ["1.1", 1, 100_000_000],
  ["1.", 1, 0],
  ["1.1234567899999", 1, 123_456_789],
  ["-5.25", -6, 750_000_000],
  ["-5", -5, 0],
  ["-0.000000001", -1, 999_999_999],
])("parsePaxTime(%p) is %i s and %i ns", (text, seconds, nanoseconds) => {
  expect(parsePaxTime(text)).toEqual({ seconds, nanoseconds });
});

test.each(["", ".5", "1e9", "0x1", "1.2.3", "1,5", "9".repeat(16), "nan"])(
  "parsePaxTime(%p) is refused",
  (text) => {
    expect(() => parsePaxTime(text)).toThrow("no number of seconds");
  },
);
