/** Writes images as OCI layouts, layer by layer as a stream, so that tests and benchmarks need no external image. */
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { Readable, type Transform } from "node:stream";
import { createGzip, createZstdCompress } from "node:zlib";

import { skopeoCopy } from "./skopeo.ts";
import { tar, type TarMember } from "./tar.ts";

export type Compression = "gzip" | "zstd" | "none";

export interface LayerSource {
  /** An uncompressed tar, or the members to make one of. */
  readonly tar: Uint8Array | AsyncIterable<Uint8Array> | readonly TarMember[];
  /** Default: "gzip". The level is the usual one: 6 for gzip, 3 for zstd. */
  readonly compression?: Compression;
}

export interface ImageSource {
  readonly layers: readonly LayerSource[];
  /** Default: "latest". Images with other tags in the same folder are kept. */
  readonly tag?: string;
  /** Default: "amd64". */
  readonly architecture?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Layer extends Descriptor {
  readonly diffId: string;
  /** The size of the uncompressed tar. */
  readonly tarBytes: number;
}

export interface Image {
  readonly layout: string;
  readonly tag: string;
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Layer[];
}

interface IndexEntry extends Descriptor {
  readonly annotations: Readonly<Record<string, string>>;
}

const OCI = "application/vnd.oci.image";
const MEDIA_TYPE: Readonly<Record<Compression, string>> = {
  gzip: `${OCI}.layer.v1.tar+gzip`,
  zstd: `${OCI}.layer.v1.tar+zstd`,
  none: `${OCI}.layer.v1.tar`,
};
const REF_NAME = "org.opencontainers.image.ref.name";

/** Adds an image to the OCI layout `layout`, which is created if necessary. Equal input gives equal bytes. */
export async function writeImage(layout: string, source: ImageSource): Promise<Image> {
  const { tag = "latest", architecture = "amd64" } = source;
  await mkdir(join(layout, "blobs/sha256"), { recursive: true });
  const layers = await Promise.all(source.layers.map((layer) => writeLayer(layout, layer)));
  const config = await writeDocument(layout, `${OCI}.config.v1+json`, {
    architecture,
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = await writeDocument(layout, mediaType, {
    schemaVersion: 2,
    mediaType,
    config,
    layers: layers.map(({ mediaType: type, digest, size }) => ({ mediaType: type, digest, size })),
  });
  await addToIndex(layout, { ...manifest, annotations: { [REF_NAME]: tag } });
  return { layout, tag, manifest, config, layers };
}

/** Copies an image to `host` under `name`, such as "os/reference:4". */
export async function pushImage(
  image: Image,
  { host, name, login }: { host: string; name: string; login?: string },
): Promise<void> {
  const options = login === undefined ? {} : { targetLogin: login };
  await skopeoCopy(`oci:${image.layout}:${image.tag}`, `docker://${host}/${name}`, options);
}

async function writeLayer(layout: string, source: LayerSource): Promise<Layer> {
  const { compression = "gzip" } = source;
  const plain = new Bun.CryptoHasher("sha256");
  let tarBytes = 0;
  const counted = async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of tarChunks(source.tar)) {
      plain.update(chunk);
      tarBytes += chunk.byteLength;
      yield chunk;
    }
  };
  const blob = await writeBlob(layout, compressed(counted(), compression));
  const diffId = `sha256:${plain.digest("hex")}`;
  return { mediaType: MEDIA_TYPE[compression], ...blob, diffId, tarBytes };
}

function tarChunks(source: LayerSource["tar"]): AsyncIterable<Uint8Array> | [Uint8Array] {
  if (source instanceof Uint8Array) return [source];
  return Symbol.asyncIterator in source ? source : [tar(source)];
}

function compressed(
  chunks: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncIterable<Uint8Array> {
  if (compression === "none") return chunks;
  const filter: Transform =
    compression === "gzip" ? createGzip({ level: 6 }) : createZstdCompress();
  const input = Readable.from(chunks);
  input.on("error", (error) => filter.destroy(error));
  return input.pipe(filter);
}

/** Writes to a temporary file first, because the final name is the digest. */
async function writeBlob(
  layout: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ digest: string; size: number }> {
  const folder = join(layout, "blobs/sha256");
  const partial = join(folder, `partial-${crypto.randomUUID()}`);
  const hasher = new Bun.CryptoHasher("sha256");
  let size = 0;
  const file = await open(partial, "w");
  try {
    for await (const chunk of chunks) {
      hasher.update(chunk);
      size += chunk.byteLength;
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  const hex = hasher.digest("hex");
  await rename(partial, join(folder, hex));
  return { digest: `sha256:${hex}`, size };
}

async function writeDocument(
  layout: string,
  mediaType: string,
  document: object,
): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  await Bun.write(join(layout, "blobs/sha256", digest), bytes);
  return { mediaType, digest: `sha256:${digest}`, size: bytes.byteLength };
}

async function addToIndex(layout: string, entry: IndexEntry): Promise<void> {
  const path = join(layout, "index.json");
  const known = (await Bun.file(path).exists())
    ? ((await Bun.file(path).json()) as { manifests: IndexEntry[] }).manifests
    : [];
  const others = known.filter(
    ({ annotations }) => annotations[REF_NAME] !== entry.annotations[REF_NAME],
  );
  await Bun.write(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await Bun.write(path, JSON.stringify({ schemaVersion: 2, manifests: [...others, entry] }));
}
