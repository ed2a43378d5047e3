import { digestOf, type Digest } from "../../src/oci/digest.ts";
import type { Document, LayerDescriptor } from "../../src/oci/manifest.ts";

export const TYPES = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
};

type Json = Readonly<Record<string, unknown>>;

export interface FakeImageOptions {
  readonly layers?: readonly Uint8Array[];
  readonly architecture?: string;
  /** Replaces members of the config. */
  readonly config?: Json;
  /** Replaces members of the manifest. */
  readonly manifest?: Json;
}

export interface FakeImage extends Document {
  readonly digest: Digest;
  readonly config: Document;
  readonly blobs: readonly Document[];
  readonly layers: readonly Pick<LayerDescriptor, "digest" | "sizeBytes">[];
}

export const json = (value: unknown): Document => {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { bytes, digest: digestOf(bytes) };
};

export const descriptorOf = (
  { bytes, digest }: Document,
  mediaType: string,
  more: Json = {},
): Json => ({ mediaType, digest, size: bytes.byteLength, ...more });

/** An image of uncompressed layers, so that a layer's diff id is its digest. */
export function fakeImage(options: FakeImageOptions = {}): FakeImage {
  const blobs = (options.layers ?? [new TextEncoder().encode("layer")]).map((bytes) => ({
    bytes,
    digest: digestOf(bytes),
  }));
  const config = json({
    architecture: options.architecture ?? "amd64",
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: { Labels: { version: "1" } },
    rootfs: { type: "layers", diff_ids: blobs.map(({ digest }) => digest) },
    ...options.config,
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: descriptorOf(config, TYPES.config),
    layers: blobs.map((blob) => descriptorOf(blob, TYPES.layer)),
    ...options.manifest,
  });
  return {
    ...manifest,
    declaredType: TYPES.manifest,
    config,
    blobs: [config, ...blobs],
    layers: blobs.map(({ bytes, digest }) => ({ digest, sizeBytes: bytes.byteLength })),
  };
}

export const indexOf = (manifests: readonly Json[], more: Json = {}): Document => ({
  ...json({ schemaVersion: 2, mediaType: TYPES.index, manifests, ...more }),
  declaredType: TYPES.index,
});

export const platform = (architecture: string, variant?: string): Json => ({
  platform: { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) },
});

/** Returns bytes that do not repeat within a chunk. They are equal in every run. */
export function pattern(sizeBytes: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4)).map((_, index) => index * 2_654_435_761);
  return new Uint8Array(words.buffer, 0, sizeBytes).slice();
}
