import { expect, spyOn, test } from "bun:test";
import { SILENT } from "../../src/lib/talk.ts";

test("SILENT writes nothing", () => {
  const out = spyOn(process.stdout, "write");
  const err = spyOn(process.stderr, "write");
  SILENT.info("x");
  SILENT.warn("x");
  SILENT.debug("x");
  SILENT.progress({ step: "x", doneBytes: 1, totalBytes: 1 });
  expect([out.mock.calls, err.mock.calls]).toEqual([[], []]);
  out.mockRestore();
  err.mockRestore();
});
