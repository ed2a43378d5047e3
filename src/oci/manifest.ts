import { isLayer } from "../layer/media-type.ts";
import * as v from "valibot";

import { TandemError } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import { isDigest, type Digest } from "./digest.ts";
import { parseAs, parseJson } from "./json.ts";
import {
  documentKind,
  isConfig,
  isSchema1,
  mediaTypeOf,
  OCI_INDEX,
  OCI_MANIFEST,
  type DocumentKind,
} from "./media-type.ts";

/** Registries must take manifests of 4 MB (distribution-spec "Pushing Manifests"). Larger documents are refused. */
export const DOCUMENT_BYTES_MAX = 4 * MiB;

export interface LayerDescriptor {
  readonly digest: Digest;
  /** The size of the blob as it is stored, compressed or not. */
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** The digest of the layer's tar, after decompression. */
  readonly diffId: Digest;
}

export interface Image {
  /** The digest of the manifest for the one platform. */
  readonly digest: Digest;
  readonly architecture: string;
  readonly os: string;
  readonly created?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly layers: readonly LayerDescriptor[];
  /** The documents that led to this image, in order: each index that was followed, the manifest, the config. */
  readonly documents: readonly ImageDocument[];
}

/** A document exactly as it was received: signatures are over these bytes. */
export interface ImageDocument {
  readonly kind: DocumentKind | "config";
  readonly mediaType: string;
  /** The hash of `bytes`. */
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** A manifest or an index as it was received, before it is known which of them it is. */
export interface Document {
  readonly bytes: Uint8Array;
  /** The hash of `bytes`. */
  readonly digest: Digest;
  /** The media type by Content-Type or by the descriptor. */
  readonly declaredType?: string;
}

/** The media type of a document that names none. */
const OCI_TYPES: Readonly<Record<DocumentKind, string>> = {
  index: OCI_INDEX,
  manifest: OCI_MANIFEST,
};

const sizeBytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const digest = v.pipe(
  v.string(),
  v.check(isDigest, "want a sha256 or sha512 digest in lower-case hex"),
  v.transform((text) => {
    if (!isDigest(text)) throw new Error("Assertion failed: unchecked digest");
    return text;
  }),
);
const optionalText = v.nullish(v.string());

const descriptorSchema = v.pipe(
  v.looseObject({ mediaType: v.string(), digest, size: sizeBytes, data: optionalText }),
  v.transform((raw) => ({
    mediaType: raw.mediaType,
    digest: raw.digest,
    sizeBytes: raw.size,
    ...(typeof raw.data === "string" ? { data: raw.data } : {}),
  })),
);
/** Names a blob by digest and size. `data` may hold its bytes in base64. */
export type Descriptor = v.InferOutput<typeof descriptorSchema>;

const indexEntrySchema = v.looseObject({
  mediaType: optionalText,
  artifactType: optionalText,
  annotations: v.nullish(v.record(v.string(), v.string())),
  platform: v.nullish(
    v.looseObject({ os: v.string(), architecture: v.string(), variant: optionalText }),
  ),
});
/** An entry of an index, not yet checked as a descriptor: an entry of an unknown type must not make the index fail. */
export type IndexEntry = v.InferOutput<typeof indexEntrySchema>;

const indexSchema = v.looseObject({
  schemaVersion: v.number(),
  manifests: v.array(indexEntrySchema),
});
const manifestSchema = v.looseObject({
  schemaVersion: v.number(),
  artifactType: optionalText,
  config: descriptorSchema,
  layers: v.array(descriptorSchema),
});
export type Manifest = v.InferOutput<typeof manifestSchema>;

const configSchema = v.looseObject({
  architecture: v.string(),
  os: v.string(),
  variant: optionalText,
  created: optionalText,
  config: v.nullish(v.looseObject({ Labels: v.nullish(v.record(v.string(), v.string())) })),
  rootfs: v.looseObject({ type: v.string(), diff_ids: v.array(digest) }),
});
export type ImageConfig = v.InferOutput<typeof configSchema>;

export type ParsedDocument = { readonly mediaType: string } & (
  | { readonly kind: "index"; readonly entries: readonly IndexEntry[] }
  | { readonly kind: "manifest"; readonly manifest: Manifest }
);

/** Determines the kind of a document and parses it. Throws "content" when two readers could understand it differently. */
export function parseDocument(document: Omit<Document, "digest">, what: string): ParsedDocument {
  const value = parseAs(
    v.looseObject({ mediaType: optionalText }),
    parseJson(document.bytes, what),
    what,
  );
  const { kind, mediaType } = typeOf(value, document.declaredType, what);
  if (value["schemaVersion"] !== 2)
    throw refused(what, `schemaVersion is ${String(value["schemaVersion"])}, want 2`);
  if (kind === "index")
    return { kind, mediaType, entries: parseAs(indexSchema, value, what).manifests };
  const manifest = parseAs(manifestSchema, value, what);
  refuseArtifact(manifest, what);
  return { kind, mediaType, manifest };
}

/** Parses the descriptor in an entry of an index. Throws "content". */
export function parseDescriptor(entry: IndexEntry, what: string): Descriptor {
  return parseAs(descriptorSchema, entry, what);
}

/** Parses the config of an image. Throws "content". */
export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  const config = parseAs(configSchema, parseJson(bytes, what), what);
  if (config.rootfs.type !== "layers")
    throw refused(what, `rootfs.type is "${config.rootfs.type}", want "layers"`);
  return config;
}

/** Pairs the layers of `manifest` with their diff ids in `config`. Throws "content". */
export function pairLayers(
  manifest: Manifest,
  config: ImageConfig,
  what: string,
): LayerDescriptor[] {
  const diffIds = config.rootfs.diff_ids;
  if (manifest.layers.length !== diffIds.length)
    throw refused(what, `it has ${manifest.layers.length} layers and ${diffIds.length} diff_ids`);
  return manifest.layers.map((layer, index) => {
    const diffId = diffIds[index];
    if (diffId === undefined || !isLayer(layer.mediaType)) throw refusedLayer(layer, what);
    return { digest: layer.digest, sizeBytes: layer.sizeBytes, mediaType: layer.mediaType, diffId };
  });
}

function typeOf(
  value: Readonly<Record<string, unknown>> & { readonly mediaType?: string | null | undefined },
  declaredType: string | undefined,
  what: string,
): { readonly kind: DocumentKind; readonly mediaType: string } {
  const type = chooseType(value.mediaType ?? undefined, mediaTypeOf(declaredType ?? null), what);
  const shape = shapeOf(value, what);
  const kind = documentKind(type) ?? shape;
  if (kind === undefined) throw refused(what, `it has neither "manifests" nor "layers"`);
  if (shape !== undefined && kind !== shape)
    throw refused(what, `its type says ${kind}, but it has the members of an ${shape}`);
  const isKnown = type !== undefined && documentKind(type) !== undefined;
  return { kind, mediaType: isKnown ? type : OCI_TYPES[kind] };
}

/** The type that a document gives itself, else the declared type. A declared type counts only when it is a known one. */
function chooseType(
  own: string | undefined,
  declared: string | undefined,
  what: string,
): string | undefined {
  for (const type of [own, declared])
    if (isSchema1(type)) throw refused(what, `manifests of schema 1 ("${type}") are not supported`);
  if (own === undefined) return declared;
  if (documentKind(own) === undefined)
    throw refused(what, `its type "${own}" is neither an image nor an index`);
  if (documentKind(declared) !== undefined && own !== declared)
    throw refused(what, `it says "${own}", but was declared as "${declared}"`);
  return own;
}

/** Refuses a document that can be read as both an image and an index: an attack (CVE-2021-41190). */
function shapeOf(value: Readonly<Record<string, unknown>>, what: string): DocumentKind | undefined {
  const keys = Object.keys(value).map((key) => key.toLowerCase());
  const isIndex = keys.includes("manifests");
  const isManifest = keys.includes("layers") || keys.includes("config");
  if (isIndex && isManifest)
    throw refused(what, `it is ambiguous: it has "manifests" and "layers" or "config"`);
  if (new Set(keys).size !== keys.length)
    throw refused(what, "it is ambiguous: it has members that differ in case only");
  if (keys.includes("fslayers")) throw refused(what, "manifests of schema 1 are not supported");
  return isIndex ? "index" : isManifest ? "manifest" : undefined;
}

function refuseArtifact({ artifactType, config }: Manifest, what: string): void {
  if (isConfig(config.mediaType)) return;
  throw refused(what, `it is an artifact ("${artifactType ?? config.mediaType}"), not an image`);
}

function refusedLayer({ mediaType, digest: layer }: Descriptor, what: string): TandemError {
  const why = mediaType.includes("+encrypted")
    ? "encrypted layers are not supported"
    : "not a layer";
  return refused(what, `layer ${layer} has type "${mediaType}": ${why}`);
}

function refused(what: string, why: string): TandemError {
  return new TandemError("content", `Cannot use ${what}: ${why}`);
}
