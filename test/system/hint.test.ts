import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { hintRefused, takeRefusedHints } from "../../src/system/hint.ts";
import { forgetCached, startWriteOut } from "../../src/system/syscall.ts";

test("takeRefusedHints() returns each text once", () => {
  takeRefusedHints();
  hintRefused("one");
  hintRefused("two");
  hintRefused("one");
  expect(takeRefusedHints()).toEqual(["one", "two"]);
  expect(takeRefusedHints()).toEqual([]);
});

test("a hint that the kernel refuses is recorded and does not throw", () => {
  takeRefusedHints();
  const fd = openSync("/dev/null", "r");
  closeSync(fd);
  forgetCached(fd, 0, 1);
  startWriteOut(fd, 0, 1);
  expect(takeRefusedHints()).toEqual([
    "The kernel does not drop what the page cache holds: EBADF: fadvise64 failed",
    "The kernel does not begin to write out: EBADF: syncFileRange failed",
  ]);
});
