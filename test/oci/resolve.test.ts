import { expect, test } from "bun:test";

import type { Document } from "../../src/oci/manifest.ts";
import { resolveImage } from "../../src/oci/resolve.ts";
import { descriptorOf, fakeImage, indexOf, platform, TYPES } from "../fakes/image.ts";
import { rejection } from "../fakes/source.ts";

const image = fakeImage();
const arm = fakeImage({ architecture: "arm64" });

/** Resolves `root` with a reader that has only `others`. */
async function resolve(
  root: Document,
  others: readonly Document[],
  { architecture = "amd64", depth = 0 } = {},
) {
  const fetched: string[] = [];
  const get = async ({ digest }: { digest: string }): Promise<Uint8Array> => {
    fetched.push(digest);
    const found = others.find((other) => other.digest === digest);
    if (found === undefined) throw new Error(`asked for ${digest}`);
    return found.bytes;
  };
  const documents = { name: "r.io/app:x", manifest: get, config: get };
  return { fetched, image: await resolveImage(root, documents, { architecture, depth }) };
}

const entryOf = (of: Document, architecture = "amd64"): Record<string, unknown> =>
  descriptorOf(of, TYPES.manifest, platform(architecture));
const nested = (of: Document): Document => indexOf([descriptorOf(of, TYPES.index)]);
const inline = (bytes: Uint8Array): object => ({ data: Buffer.from(bytes).toString("base64") });

test("reads an image with its config", async () => {
  const got = await resolve(image, [image.config]);
  expect(got.image).toEqual({
    digest: image.digest,
    architecture: "amd64",
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    labels: { version: "1" },
    layers: image.layers.map((layer) => ({
      ...layer,
      mediaType: TYPES.layer,
      diffId: layer.digest,
    })),
    documents: [
      { kind: "manifest", mediaType: TYPES.manifest, digest: image.digest, bytes: image.bytes },
      {
        kind: "config",
        mediaType: TYPES.config,
        digest: image.config.digest,
        bytes: image.config.bytes,
      },
    ],
  });
});

test("keeps the documents on the way to the image, and no others", async () => {
  const first = indexOf([entryOf(image)]);
  const beside = indexOf([entryOf(arm, "arm64")]);
  const root = indexOf([descriptorOf(beside, TYPES.index), descriptorOf(first, TYPES.index)]);
  const got = await resolve(root, [first, beside, image, image.config]);
  expect(got.image.documents.map(({ kind, digest }) => [kind, digest])).toEqual([
    ["index", root.digest],
    ["index", first.digest],
    ["manifest", image.digest],
    ["config", image.config.digest],
  ]);
  expect(got.image.documents[0]?.bytes).toEqual(root.bytes);
});

test("a document without a type of its own is kept by its declared type, else by OCI's", async () => {
  const untyped = fakeImage({ manifest: { mediaType: undefined } });
  const docker = "application/vnd.docker.distribution.manifest.v2+json";
  for (const [declaredType, want] of [
    [docker, docker],
    ["text/plain", TYPES.manifest],
  ] as const) {
    const got = await resolve({ ...untyped, declaredType }, [untyped.config]);
    expect(got.image.documents[0]?.mediaType).toBe(want);
  }
});

test.each(["amd64", "arm64"])("follows an index to %p only", async (architecture) => {
  const root = indexOf([entryOf(arm, "arm64"), entryOf(image)]);
  const others = [image, arm, image.config, arm.config];
  const got = await resolve(root, others, { architecture });
  const want = architecture === "amd64" ? image : arm;
  expect(got.image.digest).toBe(want.digest);
  expect(got.fetched).toEqual([want.digest, want.config.digest]);
});

test("follows three indexes, but not four", async () => {
  const first = indexOf([entryOf(image)]);
  const second = nested(first);
  const third = nested(second);
  const others = [first, second, third, image, image.config];
  expect((await resolve(third, others)).image.digest).toBe(image.digest);
  const error = await rejection(resolve(nested(third), others));
  expect(error).toMatchObject({ code: "content", message: expect.stringContaining("at most 3") });
  // An index.json before the root counts, too.
  expect((await resolve(second, others, { depth: 1 })).image.digest).toBe(image.digest);
  expect(await rejection(resolve(third, others, { depth: 1 }))).toMatchObject({ code: "content" });
});

test("refuses an index with too many indexes", async () => {
  const leaf = indexOf([]);
  const root = indexOf(Array.from({ length: 100 }, () => descriptorOf(leaf, TYPES.index)));
  const error = await rejection(resolve(root, [leaf]));
  expect(error).toMatchObject({ message: expect.stringContaining("32 in total") });
});

test("uses the data in the descriptor", async () => {
  const root = indexOf([{ ...entryOf(image), ...inline(image.bytes) }]);
  expect((await resolve(root, [image.config])).fetched).toEqual([image.config.digest]);
});

const evil = fakeImage({ config: { author: "someone else" } });
const twoIds = { rootfs: { type: "layers", diff_ids: [image.digest, image.digest] } };
const ofIndex = (more: object): Document => indexOf([{ ...entryOf(image), ...more }]);

interface Case {
  readonly root: Document;
  readonly others: readonly Document[];
}
const others = [image, arm, image.config, arm.config];
const given = (root: Document): Case => ({ root, others });
const brokenIds = fakeImage({ config: twoIds });
const denied = indexOf([{ ...entryOf(image), mediaType: TYPES.index }]);

test.each([
  ["data with another digest", given(ofIndex(inline(evil.bytes))), "they hash to"],
  ["data of another size", given(ofIndex(inline(new Uint8Array(3)))), "got 3"],
  ["another size", given(ofIndex({ size: 3 })), "want its 3 bytes"],
  ["a size above the limit", given(ofIndex({ size: 5e6 })), "want at most 4194304"],
  ["an unknown digest", given(ofIndex({ digest: "sha3:00" })), "digest: want a sha256"],
  ["a type that the document contradicts", given(denied), "declared as"],
  ["a config for another machine", given(indexOf([entryOf(arm)])), "it is for linux/arm64"],
  ["an image for another machine", given(arm), "it is for linux/arm64"],
  [
    "another number of diff ids",
    { root: brokenIds, others: [brokenIds.config] },
    "it has 1 layers and 2 diff_ids",
  ],
])("refuses %s", async (_, { root, others: there }, why) => {
  const error = await rejection(resolve(root, there));
  expect(error).toMatchObject({ code: "content", message: expect.stringContaining(why) });
});

function bare(of: Document): Document {
  return indexOf([descriptorOf(of, TYPES.manifest)]);
}

test("accepts the only image of an index without a platform if its config fits", async () => {
  expect((await resolve(bare(image), [image, image.config])).image.digest).toBe(image.digest);
  expect(await rejection(resolve(bare(arm), [arm, arm.config]))).toMatchObject({ code: "content" });
});

test("an image without labels and date", async () => {
  const plain = fakeImage({ config: { created: null, config: null } });
  const got = await resolve(plain, [plain.config]);
  expect(got.image.labels).toEqual({});
  expect(got.image).not.toHaveProperty("created");
});
