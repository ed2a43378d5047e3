import { expect, test } from "bun:test";
import { about } from "../../src/lib/finding.ts";

test("about() gives each finding its subject and its error code", () => {
  const of = { subject: "entries", code: "boot", text: "x" } as const;
  const { ok, warn, bad } = about("entries", "boot");
  expect(ok("x")).toEqual({ ...of, verdict: "ok" });
  expect(warn("x")).toEqual({ ...of, verdict: "warn" });
  expect(bad("x", { advice: "y" })).toEqual({ ...of, verdict: "bad", advice: "y" });
});
