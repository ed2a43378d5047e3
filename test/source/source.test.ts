import { expect, test } from "bun:test";

import { openSource, type Source, type SourceOptions } from "../../src/source/source.ts";
import { memoryFiles } from "../fakes/files.ts";
import { fakeImage } from "../fakes/image.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { rejection, testSource } from "../fakes/source.ts";
import { tar } from "../fakes/tar.ts";

test.each([
  ["oci:ubuntu", "oci:docker.io/library/ubuntu:latest"],
  ["oci:localhost:5000/a", "oci:localhost:5000/a:latest"],
  ["oci-archive:/x.tar", "oci-archive:/x.tar"],
  ["oci-archive:/x.tar:", "oci-archive:/x.tar"],
  ["oci-archive:/x.tar:a:b", "oci-archive:/x.tar:a:b"],
  ["oci-layout:/x:a", "oci-layout:/x:a"],
])("%p is called %p", async (text, name) => {
  const content = { "/x.tar": tar([]), "/x/oci-layout": "" };
  const { source } = await testSource(text, { content });
  expect(source.name).toBe(name);
  source.close();
});

const KINDS = "want oci:REFERENCE, oci-archive:FILE[:REF], oci-layout:DIRECTORY[:REF]";

test.each([
  ["ubuntu:22.04", KINDS, "Write oci:ubuntu:22.04"],
  ["r.io/ns/app", KINDS, "Write oci:r.io/ns/app"],
  ["docker://r.io/app", KINDS, undefined],
  ["constructor:x", KINDS, "Write oci:constructor:x"],
  ["oci:", KINDS, undefined],
  ["", KINDS, undefined],
  ["oci:UPPER", "want a repository", undefined],
  ["oci-archive:/none", `Cannot open "/none"`, undefined],
  ["oci-layout:/none", `Cannot open "/none"`, undefined],
])("refuses %p", async (text, why, hint) => {
  const error = await testSource(text).catch((thrown: unknown) => thrown);
  expect(error).toHaveProperty("code", "source");
  expect(error).toHaveProperty("message", expect.stringContaining(why));
  expect(error).toHaveProperty("hint", hint);
});

test("looks an image up once for all who ask, but again after a failure", async () => {
  await using registry = new FakeRegistry();
  const { source } = await testSource(`oci:${registry.host}/ns/app`);
  expect((await rejection(source.image())).code).toBe("source");
  registry.putImage(fakeImage());
  const [first, second] = await Promise.all([source.image(), source.image()]);
  expect(second).toBe(first);
  expect(registry.count("/v2/ns/app/manifests/latest")).toBe(2);
});

test("a source tells another thread how its registry is spoken to, once it knows", async () => {
  await using registry = new FakeRegistry();
  registry.putImage(fakeImage());
  const source = await openSource(`oci:${registry.host}/ns/app`, {
    architecture: "amd64",
    insecureRegistries: [],
    environment: {},
    userId: 1000,
    files: memoryFiles({}),
    log() {},
  });
  expect(source.recipe?.options).not.toHaveProperty("scheme");
  await source.image();
  expect(source.recipe?.options).toHaveProperty("scheme", "http");
});

test("a source tells another thread how to open it, unless only this one can", async () => {
  const files = memoryFiles({ "/x.tar": tar([]) });
  const options = {
    architecture: "amd64",
    insecureRegistries: ["r.io"],
    environment: { A: "b" },
    userId: 7,
  };
  const open = (more: Partial<SourceOptions>): Promise<Source> =>
    openSource("oci-archive:/x.tar", { ...options, files, log() {}, ...more });
  const { recipe } = await open({ stallMs: 9 });
  expect(recipe).toEqual({
    text: "oci-archive:/x.tar",
    options: { ...options, userId: 7, stallMs: 9 },
  });
  expect(structuredClone(recipe)).toEqual(recipe);
  expect((await open({ sleep: () => Promise.resolve() })).recipe).toBeUndefined();
  expect((await open({ fetch: () => expect.unreachable() })).recipe).toBeUndefined();
});
