import { type ByteString, byteStringOf } from "../lib/byte-string.ts";
import type { Entry } from "../tar/entry.ts";
import { Fault } from "../tar/fault.ts";
import { slice, splitPath } from "../tar/path.ts";

/** https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts */
const PREFIX = ".wh.";
/** Internal files of aufs: pseudo-links, orphans, its own marker. They do not belong to the image. */
const META_PREFIX = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** A member that is no file: it hides files of the layers below, or is an internal file of aufs ("nothing"). */
export type Marker =
  | { readonly kind: "whiteout"; readonly parent: ByteString; readonly name: ByteString }
  | { readonly kind: "opaque"; readonly parent: ByteString }
  | { readonly kind: "nothing" };

const NOTHING: Marker = { kind: "nothing" };

/**
 * Returns the marker for a clean path, or undefined when it is no marker. The kind of the entry does not matter. A
 * directory in the path whose name has the prefix is an ordinary directory, except an internal directory of aufs.
 */
export function markerOf(path: ByteString): Marker | undefined {
  if (!path.includes(PREFIX)) return undefined;
  const { parent, name } = splitPath(path);
  if (`/${parent}`.includes(`/${META_PREFIX}`)) return NOTHING;
  if (!name.startsWith(PREFIX)) return undefined;
  if (name === OPAQUE) return { kind: "opaque", parent };
  if (name.startsWith(META_PREFIX)) return NOTHING;
  const hidden = slice(name, PREFIX.length);
  if (REFUSED.has(hidden)) throw new Fault(`is a whiteout of "${hidden}", which is no name`);
  return { kind: "whiteout", parent, name: hidden };
}

/** Whether an entry may refer to the layers below. True for markers and hard links, and false for nearly all others. */
export function refersToLower({ kind, path }: Entry): boolean {
  return kind === "hardlink" || path.includes(PREFIX);
}

const REFUSED: ReadonlySet<ByteString> = new Set(["", ".", ".."].map(byteStringOf));
