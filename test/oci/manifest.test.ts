import { expect, test } from "bun:test";

import {
  pairLayers,
  parseConfig,
  parseDescriptor,
  parseDocument,
  type Document,
} from "../../src/oci/manifest.ts";
import { descriptorOf, fakeImage, indexOf, json, TYPES } from "../fakes/image.ts";

const image = fakeImage();
const config = descriptorOf(image.config, TYPES.config);
const layers = [descriptorOf(image, TYPES.layer)];
const manifest = { schemaVersion: 2, mediaType: TYPES.manifest, config, layers };
const without = (key: string): object =>
  Object.fromEntries(Object.entries(manifest).filter(([name]) => name !== key));

test.each([
  ["as itself", image, "manifest"],
  ["without a type of its own", json(without("mediaType")), "manifest"],
  ["with parameters", { ...image, declaredType: `${TYPES.manifest}; charset=utf-8` }, "manifest"],
  ["given as text", { ...image, declaredType: "text/plain" }, "manifest"],
  ["given as nothing", { bytes: image.bytes, digest: image.digest }, "manifest"],
  ["an index", indexOf([]), "index"],
  ["an index given as nothing", json({ schemaVersion: 2, manifests: [] }), "index"],
  ["with unknown members", json({ ...manifest, extra: { a: 1 } }), "manifest"],
])("accepts a document %s", (_, document: Document, kind) => {
  expect(parseDocument(document, "it").kind).toBe(kind as never);
});

test.each([
  ["an index given as a manifest", { ...indexOf([]), declaredType: TYPES.manifest }, "declared as"],
  ["a manifest given as an index", { ...image, declaredType: TYPES.index }, "declared as"],
  ["both", json({ ...manifest, manifests: [] }), "ambiguous"],
  ["both, in another case", json({ ...manifest, Manifests: [] }), "ambiguous"],
  ["layers twice, in another case", json({ ...manifest, Layers: [] }), "ambiguous"],
  ["an index with a config", indexOf([], { config }), "ambiguous"],
  [
    "a manifest that calls itself index",
    json({ ...manifest, mediaType: TYPES.index }),
    "members of",
  ],
  ["neither", json({ schemaVersion: 2 }), `neither "manifests" nor "layers"`],
  ["schema 1 by number", json({ ...manifest, schemaVersion: 1 }), "schemaVersion is 1, want 2"],
  ["schema 1 by member", json({ schemaVersion: 1, fsLayers: [] }), "schema 1 are not supported"],
  [
    "schema 1 by type",
    { ...json({}), declaredType: "application/vnd.docker.distribution.manifest.v1+prettyjws" },
    "schema 1",
  ],
  ["another type", json({ ...manifest, mediaType: "text/x" }), "neither an image nor an index"],
  [
    "an artifact",
    json({ ...manifest, config: { ...config, mediaType: "application/vnd.oci.empty.v1+json" } }),
    `it is an artifact ("application/vnd.oci.empty.v1+json"), not an image`,
  ],
  ["no layers", json(without("layers")), "layers"],
  ["a list", json([]), "Cannot use it"],
  ["a negative size", json({ ...manifest, config: { ...config, size: -1 } }), "config.size"],
  ["a size of 2^60", json({ ...manifest, config: { ...config, size: 2 ** 60 } }), "config.size"],
  [
    "an unknown algorithm",
    json({ ...manifest, layers: [{ ...config, digest: `blake3:${"0".repeat(64)}` }] }),
    "layers.0.digest: want a sha256 or sha512 digest",
  ],
])("refuses %s", (_, document: Document, why) => {
  expect(() => parseDocument(document, "it")).toThrow(why);
  expect(() => parseDocument(document, "it")).toThrow(expect.objectContaining({ code: "content" }));
});

test("an index may have entries of unknown types, without size or digest", () => {
  const document = parseDocument(indexOf([{ mediaType: "x/y" }, {}]), "it");
  expect(document).toMatchObject({ kind: "index", entries: [{ mediaType: "x/y" }, {}] });
  expect(() => parseDescriptor({ mediaType: "x/y" }, "it")).toThrow("digest");
});

const CONFIG = {
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [image.digest] },
};

test.each([
  [{ ...CONFIG, rootfs: { type: "zfs", diff_ids: [] } }, `rootfs.type is "zfs", want "layers"`],
  [{ ...CONFIG, rootfs: { type: "layers", diff_ids: ["sha256:x"] } }, "rootfs.diff_ids.0"],
  [{ ...CONFIG, architecture: 7 }, "architecture"],
  [{ os: "linux" }, "architecture"],
])("refuses the config %p", (value, why) => {
  expect(() => parseConfig(json(value).bytes, "it")).toThrow(why);
});

const parsed = (more: object): Parameters<typeof pairLayers>[0] => {
  const document = parseDocument(json({ ...manifest, ...more }), "it");
  if (document.kind === "index") throw new Error("an index");
  return document.manifest;
};
const layerOf = (mediaType: string): object => ({ layers: [descriptorOf(image, mediaType)] });

test.each([
  [{ layers: [...layers, ...layers] }, "it has 2 layers and 1 diff_ids"],
  [layerOf("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), "encrypted layers"],
  [layerOf("text/plain"), `has type "text/plain": not a layer`],
])("refuses the layers of %p", (more, why) => {
  const read = parseConfig(json(CONFIG).bytes, "it");
  expect(() => pairLayers(parsed(more), read, "it")).toThrow(why);
});

test.each([
  "application/vnd.oci.image.layer.v1.tar",
  "application/vnd.oci.image.layer.v1.tar+gzip",
  "application/vnd.oci.image.layer.v1.tar+zstd",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  "application/vnd.docker.image.rootfs.diff.tar",
  "application/vnd.docker.image.rootfs.diff.tar.gzip",
  "application/vnd.docker.image.rootfs.diff.tar.zstd",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
])("accepts layers of type %p", (mediaType) => {
  const read = parseConfig(json(CONFIG).bytes, "it");
  expect(pairLayers(parsed(layerOf(mediaType)), read, "it")).toEqual([
    { digest: image.digest, sizeBytes: image.bytes.byteLength, mediaType, diffId: image.digest },
  ]);
});
