import { expect, test } from "bun:test";
import { jobsFor, sourceOf } from "../../src/machine/open-source.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { memorySystem } from "../fakes/machine.ts";
import { rejection } from "../fakes/source.ts";

test.each([
  [1, 10, undefined, 1],
  [4, 10, undefined, 4],
  [32, 10, undefined, 6],
  [32, 10, 9, 9],
  [1, 10, 4, 4],
  [4, 3, undefined, 3],
  [4, 3, 64, 3],
  [4, 0, undefined, 1],
])("jobsFor() on %i cores with %i layers, %p wanted, is %i", (...[cores, layers, wanted, jobs]) => {
  expect(jobsFor({ ...memorySystem(), cores }, layers, wanted)).toBe(jobs);
});

test("sourceOf() opens a source of the system, and refuses other texts", async () => {
  const work = { system: memorySystem(), talk: SILENT, signal: new AbortController().signal };
  const source = await sourceOf(work, "oci:127.0.0.1:5000/os/edge:1", { insecureRegistries: [] });
  expect(source.name).toBe("oci:127.0.0.1:5000/os/edge:1");
  source.close();
  expect(
    await rejection(sourceOf(work, "oci-layout:/none", { insecureRegistries: [] })),
  ).toMatchObject({ code: "source" });
});
