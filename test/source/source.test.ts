import { describe, expect, test } from "bun:test";

import { digestOf } from "../../src/oci/digest.ts";
import type { Document } from "../../src/oci/manifest.ts";
import { openSource, type Source, type SourceOptions } from "../../src/source/source.ts";
import { layersOf } from "../../src/write/layers-of.ts";
import { memoryFiles } from "../fakes/files.ts";
import { descriptorOf, fakeImage, indexOf, platform, TYPES } from "../fakes/image.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { rejection, testSource, type TestSource } from "../fakes/source.ts";
import { layoutMembers, tar, type TarMember } from "../fakes/tar.ts";

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

const KINDS =
  "want oci:REFERENCE, oci-archive:FILE[:REF], docker-archive:FILE[:REF], oci-layout:DIRECTORY[:REF]";

test.each([
  ["ubuntu:22.04", KINDS, "Write oci:ubuntu:22.04"],
  ["r.io/ns/app", KINDS, "Write oci:r.io/ns/app"],
  ["docker://r.io/app", KINDS, undefined],
  ["constructor:x", KINDS, "Write oci:constructor:x"],
  ["oci:", KINDS, undefined],
  ["dirr:/x", KINDS, "Did you mean dir:/x?"],
  ["di:/x:y", KINDS, "Did you mean dir:/x:y?"],
  ["oci_layout:x", KINDS, "Did you mean oci-layout:x?"],
  ["ocr:5", KINDS, "Write oci:ocr:5"],
  ["dir:", KINDS, undefined],
  ["dirs", KINDS, "Write oci:dirs"],
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

test("looks an image up once for concurrent calls, and again after a failure", async () => {
  await using registry = new FakeRegistry();
  const { source } = await testSource(`oci:${registry.host}/ns/app`);
  expect((await rejection(source.image())).code).toBe("source");
  registry.putImage(fakeImage());
  const [first, second] = await Promise.all([source.image(), source.image()]);
  expect(second).toBe(first);
  expect(registry.count("/v2/ns/app/manifests/latest")).toBe(2);
});

const arm = fakeImage({ architecture: "arm64" });
const image = fakeImage();
const index = indexOf([
  descriptorOf(arm, TYPES.manifest, platform("arm64")),
  descriptorOf(image, TYPES.manifest, platform("amd64")),
]);
const BLOBS = [index, arm, image, ...image.blobs];

/** A layout whose index.json names `root`. */
function layoutOf(root: Document, type: string): TarMember[] {
  return layoutMembers(indexOf([descriptorOf(root, type)]).bytes, BLOBS);
}

const PLACES: Readonly<
  Record<string, (registry: FakeRegistry, root: Document, type: string) => Promise<TestSource>>
> = {
  "a registry": (registry, root, type) => {
    registry.putImage(arm);
    registry.putImage(image);
    registry.putDocument({ ...root, declaredType: type }, "latest");
    return testSource(`oci:${registry.host}/ns/app`);
  },
  "an archive": (_, root, type) =>
    testSource("oci-archive:/x", { content: { "/x": tar(layoutOf(root, type)) } }),
  "a layout": (_, root, type) => {
    const files = layoutOf(root, type).map(({ name, bytes }) => [`/x/${name}`, bytes ?? ""]);
    return testSource("oci-layout:/x", { content: Object.fromEntries(files) });
  },
};

describe.each(Object.entries(PLACES))("%s keeps the documents of an image", (_, open) => {
  test.each([
    { what: "with an index", root: index, type: TYPES.index, want: [index, image, image.config] },
    { what: "without an index", root: image, type: TYPES.manifest, want: [image, image.config] },
  ])("$what", async ({ root, type, want }) => {
    await using registry = new FakeRegistry();
    const { source } = await open(registry, root, type);
    const { digest, documents } = await source.image();
    expect(digest).toBe(image.digest);
    expect(documents.map((one) => digestOf(one.bytes))).toEqual(want.map((one) => one.digest));
    expect(documents.map((one) => one.digest)).toEqual(want.map((one) => one.digest));
    expect(documents.map((one) => one.mediaType)).toEqual(
      [TYPES.index, TYPES.manifest, TYPES.config].slice(-want.length),
    );
    source.close();
  });
});

test("the recipe for another thread holds the scheme of the registry when it is known", async () => {
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
  await layersOf(source).image();
  expect(source.recipe?.options).toHaveProperty("scheme", "http");
});

test("the recipe for another thread holds the options, and is undefined with a fake network or clock", async () => {
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
