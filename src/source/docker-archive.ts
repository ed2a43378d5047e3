import * as v from "valibot";

import { TandemError } from "../lib/error.ts";
import { digestOf } from "../oci/digest.ts";
import { parseAs, parseJson } from "../oci/json.ts";
import { parseConfig } from "../oci/manifest.ts";
import { OCI_MANIFEST } from "../oci/media-type.ts";
import type { RandomFile } from "../system/files.ts";
import { openTar } from "./archive.ts";
import { blobPath, type LayoutFiles, readSmall } from "./blob-store.ts";
import { layoutSource, splitPathAndRef } from "./oci-layout.ts";
import type { OpenSource } from "./source.ts";

/** The list of images in what `docker save` and `podman save` write. */
const listSchema = v.array(
  v.looseObject({
    Config: v.string(),
    RepoTags: v.nullish(v.array(v.string()), []),
    Layers: v.array(v.string()),
  }),
);
type SavedImage = v.InferOutput<typeof listSchema>[number];

const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";
const REF_NAME = "org.opencontainers.image.ref.name";

/**
 * Opens docker-archive:FILE[:REF]. Such an archive has no manifest and names no digests but those of the layers' tars.
 * It is read as an OCI image layout whose manifest is made of what it has, so all bytes are checked as there.
 */
export const openDockerArchive: OpenSource = (text, { files, architecture }) => {
  const { path, ref } = splitPathAndRef(text, files);
  const archive = openTar(files, path, `docker-archive:${path}`);
  try {
    return layoutSource(asLayout(archive), ref, architecture);
  } catch (error) {
    archive.close();
    throw error;
  }
};

/** Files of the layout: those that are made, and those that lie elsewhere in the archive. */
interface Made {
  readonly documents: Map<string, Uint8Array>;
  readonly places: Map<string, string>;
}

function asLayout(archive: LayoutFiles): LayoutFiles {
  const made: Made = { documents: new Map(), places: new Map() };
  const manifests = savedImages(archive).map((image) => addImage(archive, image, made));
  made.documents.set("oci-layout", jsonOf({ imageLayoutVersion: "1.0.0" }));
  made.documents.set("index.json", jsonOf({ schemaVersion: 2, manifests: manifests.flat() }));
  return {
    name: archive.name,
    open(path) {
      const document = made.documents.get(path);
      if (document !== undefined) return memoryFile(document);
      const place = made.places.get(path);
      return place === undefined ? undefined : archive.open(place);
    },
    close: () => archive.close(),
  };
}

function savedImages(archive: LayoutFiles): readonly SavedImage[] {
  const what = `manifest.json of ${archive.name}`;
  const bytes = readSmall(archive, "manifest.json");
  if (bytes === undefined)
    throw new TandemError(
      "content",
      `Cannot read ${archive.name}: it has no "manifest.json", so it is not an archive of docker save`,
    );
  return parseAs(listSchema, parseJson(bytes, what), what);
}

/** Makes the manifest of an image. Returns its entries in the index: one for each name. */
function addImage(archive: LayoutFiles, image: SavedImage, made: Made): readonly object[] {
  const what = `${image.Config} of ${archive.name}`;
  const config = readSmall(archive, image.Config);
  if (config === undefined) throw missing(archive, image.Config);
  const diffIds = parseConfig(config, what).rootfs.diff_ids;
  if (diffIds.length !== image.Layers.length)
    throw new TandemError(
      "content",
      `Cannot use ${what}: it has ${diffIds.length} diff_ids, and the image ${image.Layers.length} layers`,
    );
  const layers = diffIds.map((digest, index) => {
    const place = image.Layers[index] ?? "";
    const file = archive.open(place);
    if (file === undefined) throw missing(archive, place);
    made.places.set(blobPath(digest), place);
    return { mediaType: LAYER_TYPE, digest, size: file.sizeBytes };
  });
  const configDigest = addDocument(made, config);
  const manifest = jsonOf({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: CONFIG_TYPE, digest: configDigest, size: config.byteLength },
    layers,
  });
  const digest = addDocument(made, manifest);
  const entry = { mediaType: OCI_MANIFEST, digest, size: manifest.byteLength };
  const names = image.RepoTags;
  if (names.length === 0) return [entry];
  return names.map((name) => ({ ...entry, annotations: { [REF_NAME]: name } }));
}

function addDocument({ documents }: Made, bytes: Uint8Array): string {
  const digest = digestOf(bytes);
  documents.set(blobPath(digest), bytes);
  return digest;
}

function missing({ name }: LayoutFiles, path: string): TandemError {
  return new TandemError("content", `Cannot read ${path} of ${name}: it is missing`);
}

function jsonOf(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function memoryFile(bytes: Uint8Array): RandomFile {
  return {
    sizeBytes: bytes.byteLength,
    readInto: (offsetBytes, target) =>
      target.set(bytes.subarray(offsetBytes, offsetBytes + target.byteLength)),
    close() {},
  };
}
