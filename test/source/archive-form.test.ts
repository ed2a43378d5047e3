import { expect, test } from "bun:test";
import { archiveForm } from "../../src/source/archive-form.ts";
import { memoryFiles } from "../fakes/files.ts";
import { tar } from "../fakes/tar.ts";

test.each([
  [["manifest.json", "x.json"], "docker-archive"],
  [["oci-layout", "index.json"], "oci-archive"],
  // docker save of today.
  [["manifest.json", "oci-layout", "index.json"], "oci-archive"],
  // The source says what is missing.
  [["etc/passwd"], "oci-archive"],
] as const)("archiveForm() with %j is %s", (names, form) => {
  const archive = tar(names.map((name) => ({ name })));
  expect(archiveForm(memoryFiles({ "/x": archive }), "/x")).toBe(form);
});

test("archiveForm() refuses what is no archive", () => {
  const files = memoryFiles({ "/x": "no tar" });
  expect(() => archiveForm(files, "/x")).toThrow("it is too short for a tar archive");
  expect(() => archiveForm(files, "/none")).toThrow('Cannot open "/none"');
});
