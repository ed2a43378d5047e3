import { Buffer } from "node:buffer";

import { TandemError } from "../lib/error.ts";
import {
  DOCUMENT_BYTES_MAX,
  pairLayers,
  parseConfig,
  parseDescriptor,
  parseDocument,
  type Descriptor,
  type Document,
  type Image,
  type ImageDocument,
  type IndexEntry,
  type ParsedDocument,
} from "./manifest.ts";
import { documentKind } from "./media-type.ts";
import { choosePlatform, isImageEntry, parsePlatform, printPlatform, runsOn } from "./platform.ts";
import { verifyWhole } from "./verify.ts";

/** An index may name indexes. No image needs more of them on its path. */
const INDEX_DEPTH_MAX = 3;
/** The limit on all indexes that are opened: a hostile index may name many. */
const INDEXES_MAX = 32;

/** Reads the documents of an image from where they are stored. The caller checks the bytes. */
export interface DocumentReader {
  /** What messages call the image. */
  readonly name: string;
  /** At most `sizeBytes` bytes. */
  manifest(descriptor: Descriptor): Promise<Uint8Array>;
  config(descriptor: Descriptor): Promise<Uint8Array>;
}

export interface ResolveOptions {
  /** "amd64" */
  readonly architecture: string;
  /** How many indexes were followed before. */
  readonly depth: number;
}

/** Follows an index or manifest to the image for one platform. Verifies all. Throws "content" and what `reader` throws. */
export async function resolveImage(
  root: Document,
  reader: DocumentReader,
  { architecture, depth }: ResolveOptions,
): Promise<Image> {
  const wanted = parsePlatform(architecture);
  const what = `${root.digest} of ${reader.name}`;
  const parsed = parseDocument(root, what);
  if (parsed.kind === "manifest")
    return readImage({ document: root, indexes: [] }, reader, architecture);
  const walk = new IndexWalk(reader);
  const found = await walk.images(parsed.entries, [keep(root, parsed)], depth + 1);
  const entries = found.map(({ entry }) => entry);
  const chosen = choosePlatform(entries, wanted, what);
  const document = await readDocument(parseDescriptor(chosen, what), reader);
  const indexes = found[entries.indexOf(chosen)]?.indexes ?? [];
  const platform = printPlatform(wanted).replace("linux/", "");
  return readImage({ document, indexes }, reader, platform);
}

/** An index entry that is an image, and the indexes that were followed to it. */
interface FoundEntry {
  readonly entry: IndexEntry;
  readonly indexes: readonly ImageDocument[];
}

/** Opens the indexes in an index, one after another. */
class IndexWalk {
  #opened = 0;
  readonly #reader: DocumentReader;

  constructor(reader: DocumentReader) {
    this.#reader = reader;
  }

  /** `indexes` were followed to `entries`. */
  async images(
    entries: readonly IndexEntry[],
    indexes: readonly ImageDocument[],
    depth: number,
  ): Promise<FoundEntry[]> {
    const { name } = this.#reader;
    const found: FoundEntry[] = [];
    for (const entry of entries.filter(isImageEntry)) {
      if (documentKind(entry.mediaType ?? undefined) === "manifest") {
        found.push({ entry, indexes });
        continue;
      }
      this.#opened += 1;
      if (depth >= INDEX_DEPTH_MAX || this.#opened > INDEXES_MAX)
        throw new TandemError(
          "content",
          `Cannot use ${name}: want at most ${INDEX_DEPTH_MAX} indexes on the way to an image, and ${INDEXES_MAX} in total`,
        );
      const { document, inner } = await this.#open(entry);
      found.push(...(await this.images(inner, [...indexes, document], depth + 1)));
    }
    return found;
  }

  async #open(
    entry: IndexEntry,
  ): Promise<{ readonly document: ImageDocument; readonly inner: readonly IndexEntry[] }> {
    const { name } = this.#reader;
    const document = await readDocument(parseDescriptor(entry, name), this.#reader);
    const parsed = parseDocument(document, `${document.digest} of ${name}`);
    if (parsed.kind === "index") return { document: keep(document, parsed), inner: parsed.entries };
    throw new TandemError("content", `Cannot use ${document.digest} of ${name}: want an index`);
  }
}

interface ManifestAndPath {
  readonly document: Document;
  readonly indexes: readonly ImageDocument[];
}

async function readImage(
  { document, indexes }: ManifestAndPath,
  reader: DocumentReader,
  architecture: string,
): Promise<Image> {
  const what = `${document.digest} of ${reader.name}`;
  const parsed = parseDocument(document, what);
  if (parsed.kind === "index")
    throw new TandemError("content", `Cannot use ${what}: want an image`);
  const { manifest } = parsed;
  const bytes = await contentOf(manifest.config, reader, "config");
  const { digest: configDigest, mediaType } = manifest.config;
  const config = parseConfig(bytes, `config ${configDigest} of ${reader.name}`);
  const wanted = parsePlatform(architecture);
  if (!runsOn(wanted, config))
    throw new TandemError(
      "content",
      `Cannot use ${what}: it is for ${config.os}/${config.architecture}, want ${printPlatform(wanted)}`,
    );
  return {
    digest: document.digest,
    architecture: wanted.architecture,
    os: config.os,
    ...(typeof config.created === "string" ? { created: config.created } : {}),
    labels: config.config?.Labels ?? {},
    layers: pairLayers(manifest, config, what),
    documents: [
      ...indexes,
      keep(document, parsed),
      { kind: "config", mediaType, digest: configDigest, bytes },
    ],
  };
}

function keep({ digest, bytes }: Document, { kind, mediaType }: ParsedDocument): ImageDocument {
  return { kind, mediaType, digest, bytes };
}

async function readDocument(descriptor: Descriptor, reader: DocumentReader): Promise<Document> {
  const bytes = await contentOf(descriptor, reader, "manifest");
  return { bytes, digest: descriptor.digest, declaredType: descriptor.mediaType };
}

async function contentOf(
  descriptor: Descriptor,
  reader: DocumentReader,
  kind: "manifest" | "config",
): Promise<Uint8Array> {
  if (descriptor.sizeBytes > DOCUMENT_BYTES_MAX)
    throw new TandemError(
      "content",
      `Cannot read ${kind} ${descriptor.digest} of ${reader.name}: it has ${descriptor.sizeBytes} bytes, want at most ${DOCUMENT_BYTES_MAX}`,
    );
  const bytes =
    descriptor.data === undefined
      ? await reader[kind](descriptor)
      : new Uint8Array(Buffer.from(descriptor.data, "base64"));
  return verifyWhole(bytes, descriptor, () => reader.name);
}
