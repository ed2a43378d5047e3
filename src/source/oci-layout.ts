import * as v from "valibot";

import { reasonOf, TandemError } from "../lib/error.ts";
import type { Files } from "../system/files.ts";
import { parseAs, parseJson } from "../oci/json.ts";
import {
  parseDescriptor,
  parseDocument,
  type Descriptor,
  type Image,
  type IndexEntry,
} from "../oci/manifest.ts";
import { OCI_INDEX } from "../oci/media-type.ts";
import { isImageEntry } from "../oci/platform.ts";
import { resolveImage } from "../oci/resolve.ts";
import { verifyWhole } from "../oci/verify.ts";
import { blobPath, readBlob, readSmall, type LayoutFiles } from "./blob-store.ts";
import { once } from "../lib/once.ts";
import type { OpenSource } from "./source.ts";

const REF_NAMES = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];
const layoutSchema = v.looseObject({ imageLayoutVersion: v.string() });

/** Opens oci-layout:DIRECTORY[:REF]. */
export const openLayout: OpenSource = (text, { files, architecture }) => {
  const { path, ref } = splitPathAndRef(text, files);
  if (!files.exists(path))
    throw new TandemError("source", `Cannot open "${path}": there is no such directory`);
  const layout: LayoutFiles = {
    name: `oci-layout:${path}`,
    open: (name) => {
      const file = `${path}/${name}`;
      try {
        return files.exists(file) ? files.open(file) : undefined;
      } catch (error) {
        throw new TandemError("source", `Cannot open "${file}": ${reasonOf(error)}`);
      }
    },
    close() {},
  };
  return layoutSource(layout, ref, architecture);
};

/**
 * Splits "/x.tar:name" into path and name. Both may have colons: the longest path that exists counts, else the path ends
 * at the first colon.
 */
export function splitPathAndRef(
  text: string,
  files: Pick<Files, "exists">,
): { readonly path: string; readonly ref?: string } {
  const colons = [...text.matchAll(/:/g)].map(({ index }) => index);
  const ends = [text.length, ...colons.toReversed()];
  const end = ends.find((at) => files.exists(text.slice(0, at))) ?? colons[0] ?? text.length;
  const ref = text.slice(end + 1);
  return { path: text.slice(0, end), ...(ref === "" ? {} : { ref }) };
}

/** The source for the image named `ref` in a layout, by default its only image. */
export function layoutSource(
  layout: LayoutFiles,
  ref: string | undefined,
  architecture: string,
): ReturnType<OpenSource> {
  const small = (descriptor: Descriptor): Promise<Uint8Array> =>
    Promise.try(() => readDescribed(layout, descriptor));
  const resolve = async (): Promise<Image> => {
    const descriptor = parseDescriptor(
      chooseEntry(readIndex(layout), ref, layout.name),
      layout.name,
    );
    const bytes = readDescribed(layout, descriptor);
    const root = { bytes, digest: descriptor.digest, declaredType: descriptor.mediaType };
    const reader = { name: layout.name, manifest: small, config: small };
    return resolveImage(root, reader, { architecture, depth: 1 });
  };
  return {
    kind: "layers",
    name: ref === undefined ? layout.name : `${layout.name}:${ref}`,
    image: once(resolve),
    blob: (want, { signal } = {}) => readBlob(layout, want, signal),
    close: () => layout.close(),
  };
}

function readIndex(layout: LayoutFiles): readonly IndexEntry[] {
  const marker = readSmall(layout, "oci-layout");
  const index = readSmall(layout, "index.json");
  if (marker === undefined || index === undefined)
    throw new TandemError(
      "content",
      `Cannot read ${layout.name}: it has no "${marker === undefined ? "oci-layout" : "index.json"}", so it is not an OCI image layout`,
    );
  const what = `oci-layout of ${layout.name}`;
  const { imageLayoutVersion } = parseAs(layoutSchema, parseJson(marker, what), what);
  if (imageLayoutVersion !== "1.0.0")
    throw new TandemError(
      "content",
      `Cannot read ${layout.name}: its layout has version "${imageLayoutVersion}", want 1.0.0`,
    );
  const name = `index.json of ${layout.name}`;
  const document = parseDocument({ bytes: index, declaredType: OCI_INDEX }, name);
  if (document.kind === "manifest")
    throw new TandemError("content", `Cannot use ${name}: want an index`);
  return document.entries;
}

/** Chooses by name or digest, by default the only image. Throws "source" and lists the images. */
function chooseEntry(
  entries: readonly IndexEntry[],
  ref: string | undefined,
  what: string,
): IndexEntry {
  const images = entries.filter(isImageEntry);
  const found = ref === undefined ? images : images.filter((entry) => isNamed(entry, ref));
  const digests = new Set(found.map((entry) => entry["digest"]));
  const [first] = found;
  if (first !== undefined && digests.size === 1) return first;
  const names = images.map((entry) => refName(entry) ?? String(entry["digest"]));
  const there = names.length === 0 ? "no image" : names.join(", ");
  const why =
    ref === undefined
      ? `want the name of an image, there is ${there}`
      : found.length > 1
        ? `"${ref}" is ambiguous, there is ${there}`
        : `there is no "${ref}", there is ${there}`;
  throw new TandemError("source", `Cannot choose an image in ${what}: ${why}`);
}

function isNamed(entry: IndexEntry, ref: string): boolean {
  return (
    REF_NAMES.some((key) => entry.annotations?.[key] === ref) ||
    entry["digest"] === ref.replace(/^@/, "")
  );
}

function refName({ annotations }: IndexEntry): string | undefined {
  return REF_NAMES.map((key) => annotations?.[key]).find((name) => name !== undefined);
}

function readDescribed(layout: LayoutFiles, descriptor: Descriptor): Uint8Array {
  const bytes = readSmall(layout, blobPath(descriptor.digest));
  if (bytes !== undefined) return verifyWhole(bytes, descriptor, () => layout.name);
  throw new TandemError(
    "content",
    `Cannot read ${descriptor.digest} of ${layout.name}: it is missing`,
  );
}
