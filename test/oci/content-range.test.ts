import { expect, test } from "bun:test";

import { parseContentRange } from "../../src/oci/content-range.ts";

test.each([
  ["bytes 010-020/030", { firstByte: 10, lastByte: 20, totalBytes: 30 }],
  ["bytes 1000-1010/*", { firstByte: 1000, lastByte: 1010, totalBytes: undefined }],
  ["bytes 0-0/1", { firstByte: 0, lastByte: 0, totalBytes: 1 }],
  ["", undefined],
  ["notbytes 1-2/3", undefined],
  ["bytes 1-2", undefined],
  ["bytes 1-2/3a", undefined],
  ["bytes 1-2/3, bytes 1-2/3", undefined],
  ["bytes 2-1/3", undefined],
  ["bytes 1-3/3", undefined],
  ["bytes */3", undefined],
  ["bytes 1-99999999999999999999/*", undefined],
])("reads %p", (text, want) => {
  expect(parseContentRange(text)).toEqual(want);
});
