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
  type IndexEntry,
} from "./manifest.ts";
import { documentKind } from "./media-type.ts";
import { choosePlatform, isImageEntry, parsePlatform, printPlatform, runsOn } from "./platform.ts";
import { verifyWhole } from "./verify.ts";

/** An index may name indexes; nobody needs more of them on the way to an image. */
const INDEX_DEPTH_MAX = 3;
/** So that a bush of indexes cannot keep us busy. */
const INDEXES_MAX = 32;

/** Where the parts of an image lie. What these give is checked here. */
export interface Documents {
  /** What messages call the image. */
  readonly name: string;
  /** At most `sizeBytes` bytes. */
  manifest(descriptor: Descriptor): Promise<Uint8Array>;
  config(descriptor: Descriptor): Promise<Uint8Array>;
}

export interface ResolveOptions {
  /** "amd64" */
  readonly architecture: string;
  /** How many indexes were gone through before. */
  readonly depth: number;
}

/** From an index or manifest to the image for one platform, everything verified. Throws "content" and what `documents` throws. */
export async function resolveImage(
  root: Document,
  documents: Documents,
  { architecture, depth }: ResolveOptions,
): Promise<Image> {
  const wanted = parsePlatform(architecture);
  const what = `${root.digest} of ${documents.name}`;
  const parsed = parseDocument(root, what);
  if (parsed.kind === "manifest") return readImage(root, documents, architecture);
  const entries = await new IndexWalk(documents).images(parsed.entries, depth + 1);
  const chosen = parseDescriptor(choosePlatform(entries, wanted, what), what);
  const document = await readDocument(chosen, documents);
  return readImage(document, documents, printPlatform(wanted).replace("linux/", ""));
}

/** Opens the indexes in an index, in order. */
class IndexWalk {
  #opened = 0;
  readonly #documents: Documents;

  constructor(documents: Documents) {
    this.#documents = documents;
  }

  async images(entries: readonly IndexEntry[], depth: number): Promise<IndexEntry[]> {
    const { name } = this.#documents;
    const found: IndexEntry[] = [];
    for (const entry of entries.filter(isImageEntry)) {
      if (documentKind(entry.mediaType ?? undefined) === "manifest") {
        found.push(entry);
        continue;
      }
      this.#opened += 1;
      if (depth >= INDEX_DEPTH_MAX || this.#opened > INDEXES_MAX)
        throw new TandemError(
          "content",
          `Cannot use ${name}: want at most ${INDEX_DEPTH_MAX} indexes on the way to an image, and ${INDEXES_MAX} in all`,
        );
      found.push(...(await this.images(await this.#open(entry), depth + 1)));
    }
    return found;
  }

  async #open(entry: IndexEntry): Promise<readonly IndexEntry[]> {
    const { name } = this.#documents;
    const document = await readDocument(parseDescriptor(entry, name), this.#documents);
    const parsed = parseDocument(document, `${document.digest} of ${name}`);
    if (parsed.kind === "index") return parsed.entries;
    throw new TandemError("content", `Cannot use ${document.digest} of ${name}: want an index`);
  }
}

async function readImage(
  document: Document,
  documents: Documents,
  architecture: string,
): Promise<Image> {
  const what = `${document.digest} of ${documents.name}`;
  const parsed = parseDocument(document, what);
  if (parsed.kind === "index")
    throw new TandemError("content", `Cannot use ${what}: want an image`);
  const { manifest } = parsed;
  const bytes = await contentOf(manifest.config, documents, "config");
  const config = parseConfig(bytes, `config ${manifest.config.digest} of ${documents.name}`);
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
  };
}

async function readDocument(descriptor: Descriptor, documents: Documents): Promise<Document> {
  const bytes = await contentOf(descriptor, documents, "manifest");
  return { bytes, digest: descriptor.digest, declaredType: descriptor.mediaType };
}

async function contentOf(
  descriptor: Descriptor,
  documents: Documents,
  kind: "manifest" | "config",
): Promise<Uint8Array> {
  if (descriptor.sizeBytes > DOCUMENT_BYTES_MAX)
    throw new TandemError(
      "content",
      `Cannot read ${kind} ${descriptor.digest} of ${documents.name}: it has ${descriptor.sizeBytes} bytes, want at most ${DOCUMENT_BYTES_MAX}`,
    );
  const bytes =
    descriptor.data === undefined
      ? await documents[kind](descriptor)
      : new Uint8Array(Buffer.from(descriptor.data, "base64"));
  return verifyWhole(bytes, descriptor, () => documents.name);
}
