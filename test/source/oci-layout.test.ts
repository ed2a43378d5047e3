import { expect, test } from "bun:test";

import type { Document } from "../../src/oci/manifest.ts";
import { descriptorOf, fakeImage, indexOf, pattern, platform, TYPES } from "../fakes/image.ts";
import { collect, rejection, testSource } from "../fakes/source.ts";
import { layoutMembers, tar, type TarMember } from "../fakes/tar.ts";

const image = fakeImage({ layers: [pattern(2_500_000), new Uint8Array(0)] });
const other = fakeImage({ config: { author: "other" } });
const blobs = [image, ...image.blobs, other, ...other.blobs];
const named = (of: Document, name?: string, type = TYPES.manifest): Record<string, unknown> =>
  descriptorOf(of, type, {
    annotations: name === undefined ? {} : { "org.opencontainers.image.ref.name": name },
  });
const single = indexOf([named(image, "one")]).bytes;

type Kind = "oci-layout" | "oci-archive";
const KINDS: readonly Kind[] = ["oci-layout", "oci-archive"];

/** The same members as a directory or as an archive. */
function open(kind: Kind, members: readonly TarMember[], ref = "") {
  const content =
    kind === "oci-archive"
      ? { "/x": tar(members) }
      : Object.fromEntries(members.map(({ name, bytes }) => [`/x/${name}`, bytes ?? ""]));
  return testSource(`${kind}:/x${ref}`, { content });
}

for (const kind of KINDS) {
  test(`reads an image and its layers from ${kind}`, async () => {
    const { source } = await open(kind, layoutMembers(single, blobs), ":one");
    expect(source.name).toBe(`${kind}:/x:one`);
    const { digest, layers } = await source.image();
    expect(digest).toBe(image.digest);
    for (const [at, layer] of layers.entries()) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of source.blob(layer)) chunks.push(chunk.slice());
      expect(Buffer.concat(chunks).equals(image.blobs[at + 1]?.bytes ?? pattern(1))).toBe(true);
    }
    source.close();
  });
}

/** Each row: a description, the files that exist, the text, and the name of the source. */
test.each<[string, readonly string[], string, string]>([
  ["a colon in the name", ["/a:b"], "/a:b", "oci-archive:/a:b"],
  ["a colon in the name, and a tag", ["/a:b"], "/a:b:one", "oci-archive:/a:b:one"],
  ["the longest file that is there", ["/a", "/a:one"], "/a:one", "oci-archive:/a:one"],
  ["a tag with colons", ["/a"], "/a:r.io/x:1", "oci-archive:/a:r.io/x:1"],
])("the path of an archive has %s", async (...[, files, text, name]) => {
  const index = indexOf([named(image, "one"), named(image, "r.io/x:1")]).bytes;
  const archive = tar(layoutMembers(index, blobs));
  const content = Object.fromEntries(files.map((path) => [path, archive]));
  const { source } = await testSource(`oci-archive:${text}`, { content });
  expect(source.name).toBe(name);
  source.close();
});

test("for an archive that does not exist the message has the text before the first colon", async () => {
  const error = await rejection(testSource("oci-archive:/none:b:one", { content: {} }));
  expect(error.message).toStartWith('Cannot open "/none":');
});

const refs = indexOf([named(image, "one"), named(other, "two"), named(other, "r.io/x:1")]).bytes;
const same = indexOf([named(image, "one"), named(image, "one")]).bytes;
const twins = indexOf([named(image, "one"), named(other, "one")]).bytes;
const bare = indexOf([named(image)]).bytes;

test.each<[string, Uint8Array, string, Document | undefined, string]>([
  ["the only one, unnamed", bare, "", image, ""],
  ["the only one, with a name", single, "", image, ""],
  ["one by name", refs, ":two", other, ""],
  ["one by a name with colons", refs, ":r.io/x:1", other, ""],
  ["one by digest", refs, `:@${other.digest}`, other, ""],
  ["one that is listed twice", same, ":one", image, ""],
  ["none of three", refs, "", undefined, "want the name of an image, there is one, two, r.io/x:1"],
  ["a name that is not there", refs, ":six", undefined, `there is no "six", there is one, two`],
  ["a name of two images", twins, ":one", undefined, `"one" is ambiguous`],
  ["one of none", indexOf([]).bytes, "", undefined, "there is no image"],
  ["one without a name", bare, ":one", undefined, `there is no "one", there is ${image.digest}`],
])("chooses %s", async (...row) => {
  const [, index, ref, want, why] = row;
  const { source } = await open("oci-archive", layoutMembers(index, blobs), ref);
  if (want !== undefined) expect((await source.image()).digest).toBe(want.digest);
  else
    expect(await rejection(source.image())).toMatchObject({
      code: "source",
      message: expect.stringContaining(why),
    });
});

test("ignores entries of the index that are no images", async () => {
  const index = indexOf([
    descriptorOf(other, TYPES.manifest, { artifactType: "x/sbom" }),
    named(image),
  ]);
  const { source } = await open("oci-archive", layoutMembers(index.bytes, blobs));
  expect((await source.image()).digest).toBe(image.digest);
});

function nest(of: Document): Document {
  return indexOf([named(of, undefined, TYPES.index)]);
}

test("follows two more indexes, but not three", async () => {
  const first = indexOf([descriptorOf(image, TYPES.manifest, platform("amd64"))]);
  const second = nest(first);
  const third = nest(second);
  const all = [...blobs, first, second, third];
  const good = await open("oci-layout", layoutMembers(nest(second).bytes, all));
  expect((await good.source.image()).digest).toBe(image.digest);
  const deep = await open("oci-layout", layoutMembers(nest(third).bytes, all));
  expect(await rejection(deep.source.image())).toMatchObject({
    code: "content",
    message: expect.stringContaining("at most 3 indexes"),
  });
});

const pathOf = ({ digest }: Document): string => `blobs/${digest.replace(":", "/")}`;
const [config, layer] = image.blobs;
if (config === undefined || layer === undefined) throw new Error("no blobs");
const replaced = (of: Document, member: TarMember): TarMember[] =>
  layoutMembers(single, blobs).map((old) => (old.name === pathOf(of) ? member : old));
const flipped = (of: Document): TarMember => ({
  name: pathOf(of),
  bytes: of.bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
});

test.each<[string, TarMember[], string]>([
  ["a manifest of other bytes", replaced(image, flipped(image)), "they hash to"],
  ["a config of other bytes", replaced(config, flipped(config)), "they hash to"],
  ["a layer of other bytes", replaced(layer, flipped(layer)), "they hash to"],
  [
    "a layer that is shorter",
    replaced(layer, { name: pathOf(layer), bytes: layer.bytes.slice(1) }),
    "it has 2499999",
  ],
  ["a missing manifest", replaced(image, { name: "x" }), "is missing"],
  ["a missing layer", replaced(layer, { name: "x" }), "is missing"],
  ["a layer that is a symlink", replaced(layer, { name: pathOf(layer), type: "2" }), "is missing"],
  [
    "a layer out of the archive",
    replaced(layer, { name: `../${pathOf(layer)}`, bytes: layer.bytes }),
    "is missing",
  ],
])("refuses %s", async (_, members, why) => {
  const { source } = await open("oci-archive", members);
  const read = async (): Promise<void> => {
    const { layers } = await source.image();
    for (const each of layers) await collect(source.blob(each));
  };
  const error = await rejection(read());
  expect(error.code).toBe("content");
  for (const part of [why, "oci-archive:/x"]) expect(error.message).toContain(part);
});

const rest = layoutMembers(single, blobs).slice(1);
const marker = (text: string): TarMember => ({
  name: "oci-layout",
  bytes: new TextEncoder().encode(text),
});

test.each<[string, TarMember[], string]>([
  ["of another version", layoutMembers(single, blobs, "2.0.0"), `version "2.0.0", want 1.0.0`],
  ["without a mark", rest, `no "oci-layout"`],
  ["with garbage for a mark", [marker("{"), ...rest], "Cannot read oci-layout"],
  ["with another mark", [marker("{}"), ...rest], "imageLayoutVersion"],
  ["without an index", layoutMembers(single, blobs).slice(0, -1), `no "index.json"`],
  ["with garbage for an index", layoutMembers(new Uint8Array(9), blobs), "Cannot read index.json"],
  ["with an image for an index", layoutMembers(image.bytes, blobs), "declared as"],
  ["with a huge index", layoutMembers(new Uint8Array(4_194_305), blobs), "want at most 4194304"],
])("refuses a layout %s", async (_, members, why) => {
  for (const kind of KINDS) {
    const { source } = await open(kind, members);
    const error = await rejection(source.image());
    expect(error).toMatchObject({ code: "content", message: expect.stringContaining(why) });
  }
});

test.each<[string, (members: TarMember[]) => TarMember[]]>([
  ["backwards", (members) => members.toReversed()],
  ["with ./", (members) => members.map((member) => ({ ...member, name: `./${member.name}` }))],
  ["with more", (members) => [{ name: "blobs/sha256/more", bytes: pattern(9) }, ...members]],
])("an archive written %s is the same", async (_, change) => {
  const { source } = await open("oci-archive", change(layoutMembers(single, blobs)));
  expect((await source.image()).digest).toBe(image.digest);
});

test("a timer runs while a blob is read", async () => {
  const { source } = await open("oci-archive", layoutMembers(single, blobs));
  let isServed = false;
  setImmediate(() => {
    isServed = true;
  });
  for await (const { byteLength } of source.blob(image.layers[0] ?? expect.unreachable())) {
    expect(byteLength).toBeGreaterThan(0);
  }
  expect(isServed).toBe(true);
});

test("an index without the platform is refused and its platforms are listed", async () => {
  const arm = indexOf([descriptorOf(image, TYPES.manifest, platform("arm64"))]);
  const index = indexOf([named(arm, "one", TYPES.index)]);
  const { source } = await open("oci-archive", layoutMembers(index.bytes, [...blobs, arm]));
  expect((await rejection(source.image())).message).toContain("there is linux/arm64");
});

test("reading a blob stops when the signal fires", async () => {
  const { source } = await open("oci-archive", layoutMembers(single, blobs));
  const abort = new AbortController();
  const read = async (): Promise<void> => {
    const want = { digest: layer.digest, sizeBytes: layer.bytes.byteLength };
    for await (const chunk of source.blob(want, { signal: abort.signal })) {
      expect(chunk.byteLength).toBeLessThan(layer.bytes.byteLength);
      abort.abort(new Error("enough"));
    }
  };
  expect((await rejection(read())).message).toBe("enough");
});

test("a member that is there twice is refused", async () => {
  const text = new TextDecoder().decode(single).replace("{", `{"manifests":[],`);
  const { source } = await open(
    "oci-archive",
    layoutMembers(new TextEncoder().encode(text), blobs),
  );
  expect((await rejection(source.image())).message).toContain(`it names "manifests" twice`);
});
