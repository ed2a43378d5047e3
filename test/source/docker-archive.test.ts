import { expect, test } from "bun:test";
import { digestOf } from "../../src/oci/digest.ts";
import { fakeImage, pattern } from "../fakes/image.ts";
import { collect, rejection, testSource } from "../fakes/source.ts";
import { tar, type TarMember } from "../fakes/tar.ts";

const LAYERS = [pattern(300_000), pattern(700)];
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const configOf = (layers: readonly Uint8Array[], author = "me"): Uint8Array =>
  json({
    architecture: "amd64",
    os: "linux",
    author,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) },
  });

interface Saved {
  readonly tags?: readonly string[] | null;
  readonly layers?: readonly Uint8Array[];
  readonly config?: Uint8Array;
  readonly name?: string;
}

/** What `docker save` writes for these images. */
function saved(...images: readonly Saved[]): TarMember[] {
  const parts = images.map(({ tags = null, layers = LAYERS, config, name = "a" }) => ({
    entry: {
      Config: `${name}.json`,
      RepoTags: tags,
      Layers: layers.map((_, index) => `${name}${index}/layer.tar`),
    },
    members: [
      { name: `${name}.json`, bytes: config ?? configOf(layers) },
      ...layers.map((bytes, index) => ({ name: `${name}${index}/layer.tar`, bytes })),
    ],
  }));
  return [
    ...parts.flatMap(({ members }) => members),
    { name: "manifest.json", bytes: json(parts.map(({ entry }) => entry)) },
  ];
}

const open = (members: readonly TarMember[], ref = "") =>
  testSource(`docker-archive:/x.tar${ref}`, { content: { "/x.tar": tar(members) } });

test.each([
  ["without a tag", null],
  ["with tags", ["r.io/a:1", "r.io/a:2"]],
])("an archive with one image %s", async (_, tags) => {
  const { source } = await open(saved({ tags }));
  expect(source.name).toBe("docker-archive:/x.tar");
  const { layers, architecture, digest } = await source.image();
  expect(architecture).toBe("amd64");
  expect(layers.map(({ diffId }) => diffId)).toEqual(LAYERS.map((layer) => digestOf(layer)));
  for (const [index, layer] of layers.entries())
    expect(await collect(source.blob(layer))).toEqual(LAYERS[index] ?? pattern(1));
  const again = await open(saved({ tags }));
  expect((await again.source.image()).digest).toBe(digest);
});

test("one of two images by its tag", async () => {
  const other = { tags: ["b:1"], name: "b", config: configOf(LAYERS, "other") };
  const members = saved({ tags: ["a:1"] }, other);
  const [one, two] = [await open(members, ":a:1"), await open(members, ":b:1")];
  expect((await one.source.image()).digest).not.toBe((await two.source.image()).digest);
  const none = await open(members);
  expect(await rejection(none.source.image())).toMatchObject({
    code: "source",
    message: expect.stringContaining("there is a:1, b:1"),
  });
});

test("a layer that is not what the config says is refused", async () => {
  const { source } = await open(saved({ config: configOf([pattern(300_001), pattern(700)]) }));
  const [layer] = (await source.image()).layers;
  if (layer === undefined) throw new Error("no layer");
  expect(await rejection(collect(source.blob(layer)))).toMatchObject({ code: "content" });
});

test.each([
  ["no list", [{ name: "x" }], `it has no "manifest.json"`],
  ["a list that is none", [{ name: "manifest.json", bytes: json({}) }], "Cannot use manifest.json"],
  ["no config", saved({}).slice(1), "Cannot read a.json of docker-archive:/x.tar: it is missing"],
  ["no layer", saved({}).toSpliced(1, 1), "Cannot read a0/layer.tar of docker-archive:/x.tar"],
  [
    "another number of layers",
    saved({ config: configOf([]) }),
    "it has 0 diff_ids, and the image 2 layers",
  ],
  ["an OCI layout", [{ name: "index.json", bytes: fakeImage().bytes }], `no "manifest.json"`],
])("an archive with %s is refused", async (_, members, message) => {
  expect(await rejection(open(members))).toMatchObject({
    code: "content",
    message: expect.stringContaining(message),
  });
});
